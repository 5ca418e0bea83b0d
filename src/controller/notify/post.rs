//! One POST: to an address of https, or of plain http on this machine. No redirect is followed, and of the answer only the
//! status counts.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::config::Address;
use crate::model::display::one_line;
use crate::probe::http::Stream;
use crate::probe::postgres::verifying;

/// How long one attempt may take, from the look-up of the name to the end of the answer.
pub(super) const DEADLINE: Duration = Duration::from_secs(15);
const HEAD_BYTES_MAX: usize = 64 << 10;
/// So much of an answer is read, so that the server may end in peace.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// How an attempt ended that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Another attempt may succeed.
    Later(String),
    /// This message will never be taken.
    Never(String),
}

/// Posts a body with these headers.
pub(super) async fn post(
    address: &Address,
    authorities: Option<&Path>,
    headers: &[(&str, String)],
    body: Vec<u8>,
) -> Result<(), Refusal> {
    let attempt = attempt(address, authorities, headers, body);
    let Ok(ended) = tokio::time::timeout(DEADLINE, attempt).await else {
        let seconds = DEADLINE.as_secs();
        return Err(Refusal::Later(format!("{address}: no whole answer within {seconds} s")));
    };
    let status = ended.map_err(|why| Refusal::Later(format!("{address}: {why}")))?;
    let said = format!("{address} answered {status}");
    match status {
        200..=299 => Ok(()),
        // What is said of the message itself; everything else can be mended without making another one.
        400 | 413 | 415 | 422 => Err(Refusal::Never(said)),
        _ => Err(Refusal::Later(said)),
    }
}

async fn attempt(
    address: &Address,
    authorities: Option<&Path>,
    headers: &[(&str, String)],
    body: Vec<u8>,
) -> Result<u16, String> {
    let failed = |error: &dyn std::error::Error| one_line(&error.to_string(), 200);
    let stream = TcpStream::connect((address.host.as_str(), address.port));
    let stream = stream.await.map_err(|error| failed(&error))?;
    let mut request = Request::post(&address.target)
        .header("host", address.authority())
        .header("user-agent", concat!("countersign/", env!("CARGO_PKG_VERSION")))
        .header("connection", "close");
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let request = request.body(Full::new(Bytes::from(body))).map_err(|error| failed(&error))?;
    if !address.tls {
        return exchange(stream, request).await;
    }
    let config = verifying(authorities).map_err(|unknown| unknown.detail)?;
    let name = ServerName::try_from(address.host.clone()).map_err(|error| failed(&error))?;
    let tls = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream);
    exchange(tls.await.map_err(|error| failed(&error))?, request).await
}

async fn exchange<T>(stream: T, request: Request<Full<Bytes>>) -> Result<u16, String>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let failed = |error: hyper::Error| one_line(&error.to_string(), 200);
    let handshake = http1::Builder::new().max_buf_size(HEAD_BYTES_MAX).handshake(Stream(stream));
    let (mut sender, connection) = handshake.await.map_err(failed)?;
    let connection = tokio::spawn(connection);
    let response = sender.send_request(request).await.map_err(failed);
    let status = match response {
        Ok(response) => {
            let status = response.status().as_u16();
            // What it says beyond that changes nothing, and it may break off.
            let _ = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
            Ok(status)
        }
        Err(why) => Err(why),
    };
    connection.abort();
    status
}
