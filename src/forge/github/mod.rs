//! Driver for GitHub and GitHub Enterprise Server. `docs/forges.md` names the facts it relies on.

use std::sync::OnceLock;

use async_trait::async_trait;

use crate::base::secret::{ExposeSecret, SecretString};
use crate::base::{Clock, Time};
use crate::domain::ability::{Ability, Has};
use crate::domain::approval::MergePermit;
use crate::domain::forge::*;

use super::http::SeenLabels;
use super::{
    BranchRules, DeliveryHead, Forge, ForgeFacts, Headers, NameRule, NewFile, NewHook, NewPull, PlacedComment, PullPatch, Reacted,
    ReactionTarget, RepoHook, Result, Touched, Window,
};

pub mod abilities;
mod address;
mod call;
mod classic;
mod client;
mod convert;
mod exchange;
mod hook;
mod labels;
mod login;
#[cfg(test)]
mod merge_test;
mod pace;
mod pulls;
mod read;
mod remembered;
mod rules;
mod setup;
mod touched;
mod transport;
mod wire;
mod write;

pub use login::Login;
pub use pace::Pace;
pub use transport::App;

/// What the driver needs to know about one GitHub.
#[derive(Clone, Debug)]
pub struct GitHubConfig {
    /// Address for people: `https://github.com`, or that of a GitHub Enterprise Server. Where its interface is follows from it.
    pub base_url: String,
    pub login: Login,
    pub pace: Pace,
}

/// One GitHub, seen through one bot account or one GitHub App.
pub struct GitHubForge {
    client: client::Client,
    /// Address for people, when it differs from the one used here.
    public_url: Option<String>,
    /// The account behind the token, once asked.
    me: OnceLock<User>,
    seen: SeenLabels,
}

impl GitHubForge {
    /// Checks the configuration; asks nothing of the forge yet. An error is a sentence for the person who configured it.
    pub fn new(config: GitHubConfig) -> std::result::Result<GitHubForge, String> {
        if let Login::Token(token) = &config.login {
            let token = token.expose_secret();
            if token.trim().is_empty() {
                return Err("the forge token is empty: create one for the bot's account and set it.".to_owned());
            }
            if http::HeaderValue::from_str(token).is_err() {
                return Err(
                    "the forge token holds characters that no token has, such as a line end: check the file or variable it comes from"
                        .to_owned(),
                );
            }
        }
        let addresses = address::Addresses::read(&config.base_url)?;
        let client = client::Client::new(addresses, config.login, config.pace)?;
        Ok(GitHubForge { client, public_url: None, me: OnceLock::new(), seen: SeenLabels::default() })
    }

    /// Measures waits and the age of tokens by this clock instead of the machine's.
    pub fn with_clock(mut self, clock: Clock) -> GitHubForge {
        self.client.clock = clock;
        self
    }

    /// Uses this address in links for people, for a forge that this program reaches by another (internal) one.
    pub fn with_public_url(mut self, url: &str) -> GitHubForge {
        self.public_url = Some(url.trim_end_matches('/').to_owned());
        self
    }
}

#[async_trait]
impl Forge for GitHubForge {
    fn kind(&self) -> ForgeKind {
        ForgeKind::GitHub
    }

    fn web_url(&self, repo: &RepoRef, page: &str) -> String {
        let root = self.public_url.as_deref().unwrap_or(&self.client.addresses.web);
        // The pages of pull requests have another name here than on the other forges.
        let page = page.trim_start_matches('/');
        let page = page.strip_prefix("pulls/").map_or(page.to_owned(), |rest| format!("pull/{rest}"));
        format!("{root}/{}/{page}", self.client.path_of(repo))
    }

    fn git_remote(&self, repo: &RepoRef) -> GitRemote {
        let path = self.client.path_of(repo);
        let header = self.client.git_header(&path);
        GitRemote { url: format!("{}/{path}.git", self.client.addresses.web), header: Some(header) }
    }

    fn delivery_head(&self, headers: &Headers) -> Option<DeliveryHead> {
        hook::delivery_head(headers)
    }

    fn verify(&self, secret: &SecretString, headers: &Headers, body: &[u8]) -> bool {
        hook::verify(secret, headers, body)
    }

    fn parse(&self, event: &str, body: &[u8]) -> std::result::Result<Parsed, String> {
        hook::parse(event, body)
    }

    fn calls(&self) -> Vec<(&'static str, u64)> {
        self.client.calls.counts()
    }

    fn ability(&self, _version: (u32, u32), ability: Ability) -> Has {
        abilities::of(ability)
    }

    async fn whoami(&self) -> Result<User> {
        self.read_whoami().await
    }

    async fn version(&self) -> Result<String> {
        self.read_version().await
    }

    async fn repo(&self, repo: &RepoRef) -> Result<Repo> {
        self.read_repo(repo).await
    }

    async fn role(&self, repo: &RepoRef, user: &User) -> Result<Role> {
        self.read_role(repo, user).await
    }

    async fn issue(&self, repo: &RepoRef, number: i64) -> Result<Issue> {
        self.read_issue(repo, number).await
    }

    async fn comments(&self, repo: &RepoRef, number: i64) -> Result<Vec<Comment>> {
        self.read_comments(repo, number).await
    }

    async fn comment(&self, repo: &RepoRef, _number: i64, id: i64) -> Result<Comment> {
        self.read_comment(repo, id).await
    }

    async fn label_changes(&self, repo: &RepoRef, number: i64) -> Result<Vec<LabelChange>> {
        self.read_label_changes(repo, number).await
    }

    async fn pull(&self, repo: &RepoRef, number: i64) -> Result<Pull> {
        self.read_pull(repo, number).await
    }

    async fn pulls_of_branch(&self, repo: &RepoRef, branch: &str) -> Result<Vec<Pull>> {
        self.read_pulls_of_branch(repo, branch).await
    }

    async fn reviews(&self, repo: &RepoRef, number: i64) -> Result<Vec<Review>> {
        self.read_reviews(repo, number).await
    }

    async fn review_comments(&self, repo: &RepoRef, number: i64, review: i64) -> Result<Vec<ReviewComment>> {
        self.read_review_comments(repo, number, review).await
    }

    async fn pull_commits(&self, repo: &RepoRef, number: i64) -> Result<Vec<CommitInfo>> {
        self.read_pull_commits(repo, number).await
    }

    async fn ci(&self, repo: &RepoRef, sha: &Sha) -> Result<Vec<CiStatus>> {
        self.read_ci(repo, sha).await
    }

    async fn create_comment(&self, repo: &RepoRef, number: i64, body: &str) -> Result<Comment> {
        self.write_comment(repo, number, body).await
    }

    async fn edit_comment(&self, repo: &RepoRef, _number: i64, id: i64, body: &str) -> Result<()> {
        self.write_comment_edit(repo, id, body).await
    }

    async fn delete_comment(&self, repo: &RepoRef, _number: i64, id: i64) -> Result<()> {
        self.write_comment_delete(repo, id).await
    }

    async fn react(&self, repo: &RepoRef, target: ReactionTarget, content: &str) -> Result<Reacted> {
        self.write_reaction(repo, target, content).await
    }

    async fn labels(&self, repo: &RepoRef) -> Result<Vec<LabelSpec>> {
        self.read_labels(repo).await
    }

    async fn ensure_labels(&self, repo: &RepoRef, labels: &[LabelSpec]) -> Result<Vec<String>> {
        self.write_labels(repo, labels).await
    }

    async fn change_labels(&self, repo: &RepoRef, number: i64, add: &[String], remove: &[String]) -> Result<Vec<String>> {
        self.write_issue_labels(repo, number, add, remove).await
    }

    async fn set_issue_state(&self, repo: &RepoRef, number: i64, state: State) -> Result<()> {
        self.write_issue_state(repo, number, state).await
    }

    async fn create_pull(&self, repo: &RepoRef, pull: &NewPull) -> Result<Pull> {
        self.write_pull(repo, pull).await
    }

    async fn edit_pull(&self, repo: &RepoRef, number: i64, patch: &PullPatch) -> Result<()> {
        self.write_pull_patch(repo, number, patch).await
    }

    async fn post_review(&self, repo: &RepoRef, number: i64, head: &Sha, body: &str, comments: &[NewReviewComment]) -> Result<Review> {
        self.write_review(repo, number, head, body, comments).await
    }

    async fn merge(&self, repo: &RepoRef, permit: &MergePermit, style: MergeStyle, title: &str, message: &str) -> Result<()> {
        self.write_merge(repo, permit.pull(), permit.head(), (style, title, message)).await
    }

    async fn delete_branch(&self, repo: &RepoRef, branch: &str) -> Result<()> {
        self.write_branch_delete(repo, branch).await
    }

    async fn post_status(&self, repo: &RepoRef, sha: &Sha, status: &CiStatus) -> Result<()> {
        self.write_status(repo, sha, status).await
    }

    async fn issues_touched(&self, repo: &RepoRef, window: &Window) -> Result<Touched<Issue>> {
        self.read_issues_touched(repo, window).await
    }

    async fn comments_touched(&self, repo: &RepoRef, window: &Window) -> Result<Touched<PlacedComment>> {
        self.read_comments_touched(repo, window).await
    }

    async fn branch_head(&self, repo: &RepoRef, branch: &str) -> Result<Option<Sha>> {
        self.read_branch_head(repo, branch).await
    }

    async fn repos(&self, owner: Option<&str>) -> Result<Vec<Repo>> {
        self.read_repos(owner).await
    }

    async fn facts(&self) -> Result<ForgeFacts> {
        self.read_facts().await
    }

    async fn hook_events(&self) -> Result<Vec<&'static str>> {
        Ok(setup::EVENTS.to_vec())
    }

    async fn hooks(&self, repo: &RepoRef) -> Result<Vec<RepoHook>> {
        self.read_hooks(repo).await
    }

    async fn create_hook(&self, repo: &RepoRef, hook: &NewHook) -> Result<RepoHook> {
        self.write_hook(repo, hook).await
    }

    async fn delete_hook(&self, repo: &RepoRef, id: i64) -> Result<()> {
        self.write_hook_delete(repo, id).await
    }

    async fn test_hook(&self, repo: &RepoRef, id: i64) -> Result<()> {
        self.write_hook_test(repo, id).await
    }

    async fn branch_rules(&self, repo: &RepoRef, branch: &str) -> Result<Option<BranchRules>> {
        self.read_branch_rules(repo, branch).await
    }

    async fn rule_for_name(&self, repo: &RepoRef, branch: &str) -> Result<Option<NameRule>> {
        self.read_rule_for(repo, branch).await
    }

    async fn protect_branch(&self, repo: &RepoRef, branch: &str, approvals: i64) -> Result<()> {
        self.write_branch_rules(repo, branch, approvals).await
    }

    async fn create_repo(&self, owner: &str, name: &str) -> Result<Repo> {
        self.write_repo(owner, name).await
    }

    async fn has_file(&self, repo: &RepoRef, branch: &str, path: &str) -> Result<bool> {
        self.read_has_file(repo, branch, path).await
    }

    async fn commit_file(&self, repo: &RepoRef, file: &NewFile) -> Result<()> {
        self.write_file(repo, file).await
    }

    async fn token_end(&self) -> Result<Option<Time>> {
        Ok(self.read_facts().await?.expires_at)
    }

    async fn redeliver_failed(&self, repo: &RepoRef, hook: i64, since: Time) -> Result<u32> {
        self.write_redelivery(repo, hook, since).await
    }

    async fn create_issue(&self, repo: &RepoRef, title: &str, body: &str) -> Result<Issue> {
        self.write_issue(repo, title, body).await
    }

    async fn edit_issue(&self, repo: &RepoRef, number: i64, title: Option<&str>, body: Option<&str>) -> Result<()> {
        self.write_issue_edit(repo, number, title, body).await
    }
}
