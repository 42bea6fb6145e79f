//! As much of HTTP/1.1 as a proxy that misbehaves on purpose needs: whole messages as bytes.

use std::io::{Error, Result};

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    /// Path with query.
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// As it stands on the wire, chunk marks included.
    pub body: Vec<u8>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Reads one request; `None` when the connection ends before one begins.
pub async fn read_request<T: AsyncBufRead + AsyncWriteExt + Unpin>(stream: &mut T) -> Result<Option<Request>> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let (Some(method), Some(path)) = (words.next(), words.next()) else {
        return Err(Error::other(format!("not a request: {line:?}")));
    };
    let mut request = Request { method: method.into(), path: path.into(), headers: Vec::new(), body: Vec::new() };
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        request.headers.push((name.to_lowercase(), value.trim().to_owned()));
    }
    if request.header("expect").is_some() {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    if request.header("transfer-encoding").is_some() {
        read_chunks(stream, &mut request.body).await?;
    } else if let Some(length) = request.header("content-length").and_then(|length| length.parse::<usize>().ok()) {
        request.body.resize(length, 0);
        stream.read_exact(&mut request.body).await?;
    }
    Ok(Some(request))
}

async fn read_chunks<T: AsyncBufRead + Unpin>(stream: &mut T, body: &mut Vec<u8>) -> Result<()> {
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let length = usize::from_str_radix(line.trim_end().split(';').next().unwrap_or_default(), 16).map_err(Error::other)?;
        body.extend_from_slice(line.as_bytes());
        let start = body.len();
        // The chunk and its line end.
        body.resize(start + length + 2, 0);
        stream.read_exact(&mut body[start..]).await?;
        if length == 0 {
            return Ok(());
        }
    }
}

/// Sends a request on and gives the whole answer, head and body.
pub async fn forward(to: std::net::SocketAddr, request: &Request) -> Result<Vec<u8>> {
    let mut stream = TcpStream::connect(to).await?;
    let mut head = format!("{} {} HTTP/1.1\r\n", request.method, request.path);
    for (name, value) in request.headers.iter().filter(|(name, _)| !matches!(name.as_str(), "connection" | "expect")) {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("connection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(&request.body).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer)
}

/// An answer made up on the way.
pub fn answer(status: u16, headers: &[(String, String)], body: &[u8]) -> Vec<u8> {
    let mut answer = format!("HTTP/1.1 {status} Made up\r\ncontent-length: {}\r\nconnection: close\r\n", body.len());
    for (name, value) in headers {
        answer.push_str(&format!("{name}: {value}\r\n"));
    }
    answer.push_str("\r\n");
    [answer.as_bytes(), body].concat()
}

/// Where the body of an answer begins.
pub fn body_at(answer: &[u8]) -> usize {
    answer.windows(4).position(|part| part == b"\r\n\r\n").map_or(answer.len(), |at| at + 4)
}

/// The status of an answer; 0 when it is none.
pub fn status_of(answer: &[u8]) -> u16 {
    std::str::from_utf8(answer.get(9..12).unwrap_or_default()).ok().and_then(|text| text.parse().ok()).unwrap_or(0)
}
