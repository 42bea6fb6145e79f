//! Databases: a fresh one on the server of the tests, and a server of one's own that may be killed.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use tokio::process::Child;

use crate::say;

/// A database of one test.
pub struct Database {
    server: String,
    name: String,
}

impl Database {
    /// `None`, and a line that says so, without a server.
    pub async fn fresh(test: &str) -> Option<Database> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        #[expect(clippy::disallowed_methods, reason = "the suite has no configuration to be told by")]
        let Ok(server) = std::env::var("SYNDARIX_TEST_POSTGRES") else {
            say(&format!("skipped: {test}: SYNDARIX_TEST_POSTGRES is not set"));
            return None;
        };
        let name = format!("syndarix_instances_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::SeqCst));
        run(&server, &format!("drop database if exists {name} with (force)")).await.unwrap();
        run(&server, &format!("create database {name}")).await.unwrap();
        Some(Database { server, name })
    }

    pub fn url(&self) -> String {
        self.server.parse::<PgConnectOptions>().unwrap().database(&self.name).to_url_lossy().to_string()
    }

    pub async fn drop(self) {
        run(&self.server, &format!("drop database {} with (force)", self.name)).await.unwrap();
    }
}

/// Runs statements on a connection of their own.
pub async fn run(url: &str, sql: &str) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect(url).await?;
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await?;
    connection.close().await
}

/// A PostgreSQL server of a test's own, made from the programs of the one that the tests use.
pub struct Server {
    bin: PathBuf,
    dir: tempfile::TempDir,
    port: u16,
    postmaster: Child,
}

impl Server {
    /// `None`, and a line that says so, when its programs cannot be found on this machine.
    pub async fn start(test: &str) -> Option<Server> {
        #[expect(clippy::disallowed_methods, reason = "the suite has no configuration to be told by")]
        let url = std::env::var("SYNDARIX_TEST_POSTGRES").ok();
        let Some(bin) = programs(url.as_deref()).await else {
            say(&format!("skipped: {test}: no PostgreSQL of its own can be started; SYNDARIX_TEST_POSTGRES names none on this machine"));
            return None;
        };
        let dir = tempfile::tempdir().unwrap();
        give_to_server(dir.path());
        let data = dir.path().join("data");
        let args = ["-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "-D"];
        let made = as_server_user(Command::new(bin.join("initdb"))).args(args).arg(&data).stdout(Stdio::null()).status().unwrap();
        assert!(made.success(), "initdb failed");
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let postmaster = launch(&bin, dir.path(), port);
        let mut server = Server { bin, dir, port, postmaster };
        server.until_ready().await;
        run(&server.admin_url(), "create database syndarix").await.unwrap();
        Some(server)
    }

    fn admin_url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/syndarix", self.port)
    }

    /// Ends the server as a power cut would end its processes.
    pub async fn kill(&mut self) {
        let pid = Pid::from_raw(i32::try_from(self.postmaster.id().unwrap()).unwrap()).unwrap();
        kill_process(pid, Signal::KILL).unwrap();
        self.postmaster.wait().await.unwrap();
    }

    /// Starts it again. Its last processes may take a moment to notice that they are orphans; until then it refuses.
    pub async fn restart(&mut self) {
        self.postmaster = launch(&self.bin, self.dir.path(), self.port);
        self.until_ready().await;
    }

    async fn until_ready(&mut self) {
        let ready = async {
            loop {
                if self.postmaster.try_wait().unwrap().is_some() {
                    self.postmaster = launch(&self.bin, self.dir.path(), self.port);
                }
                if run(&self.admin_url(), "select 1").await.is_ok() {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), ready).await.expect("the database server starts");
    }

    pub async fn stop(mut self) {
        self.kill().await;
    }
}

/// Where the programs are that the given server runs from.
async fn programs(url: Option<&str>) -> Option<PathBuf> {
    let mut connection = PgConnection::connect(url?).await.ok()?;
    let pid: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut connection).await.ok()?;
    let program = std::fs::read_link(format!("/proc/{pid}/exe")).ok()?;
    let bin = program.parent()?.to_owned();
    bin.join("initdb").exists().then_some(bin)
}

const NOBODY: u32 = 65_534;

/// PostgreSQL refuses to run as root.
fn as_server_user(mut command: Command) -> Command {
    if rustix::process::getuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command.current_dir("/");
    command
}

fn give_to_server(path: &std::path::Path) {
    if rustix::process::getuid().is_root() {
        std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
}

/// With commits that wait for their record to be written, as in earnest. Not for the disk: the machine goes on.
fn launch(bin: &std::path::Path, dir: &std::path::Path, port: u16) -> Child {
    let log = std::fs::File::options().create(true).append(true).open(dir.join("log")).unwrap();
    let mut command = as_server_user(Command::new(bin.join("postgres")));
    command.arg("-D").arg(dir.join("data")).arg("-p").arg(port.to_string());
    for setting in ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=100", "fsync=off"] {
        command.args(["-c", setting]);
    }
    let mut command = tokio::process::Command::from(command);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).kill_on_drop(true).spawn().unwrap()
}
