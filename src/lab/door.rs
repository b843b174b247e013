//! Where calls come in: connections, HTTP, and what [`Interference`] does to each call.

use std::{
    convert::Infallible,
    fmt,
    future::{pending, ready},
    io,
    sync::Arc,
};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    body::{Frame, Incoming},
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::{Call, PageEnds, Refusal, Verdict, world::World};

/// Whoever answers behind a door. Everything is in memory, so answers never wait but where waiting is what was asked for.
pub(super) trait Desk: Send + Sync + 'static {
    /// An answer to what is no call to the simulated service: neither counted nor interfered with.
    fn aside(&self, _request: &Request<Bytes>) -> Option<Response<Bytes>> {
        None
    }

    /// What is being asked, as far as it can be told without answering.
    fn call(&self, request: &Request<Bytes>) -> Call;

    /// Holds a call until it is time to answer, as a long poll is.
    fn hold<'a>(&'a self, _request: &'a Request<Bytes>) -> BoxFuture<'a, ()> {
        Box::pin(ready(()))
    }

    /// Carries the call out.
    fn answer(&self, request: &Request<Bytes>) -> Response<Bytes>;

    /// A refusal in the words of the protocol.
    fn refuse(&self, request: &Request<Bytes>, refusal: &Refusal) -> Response<Bytes>;
}

/// Answers on a listener until it is cancelled; connections end with it.
pub(super) async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    world: Arc<World>,
    desk: Arc<dyn Desk>,
    cancel: CancellationToken,
) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = cancel.cancelled() => return,
        };
        // An error of one connection, or too many open files for a moment, is no reason to close the door.
        let Ok((stream, _)) = accepted else { continue };
        while connections.try_join_next().is_some() {}
        let (tls, world, desk) = (tls.clone(), Arc::clone(&world), Arc::clone(&desk));
        connections.spawn(async move {
            drop(stream.set_nodelay(true));
            // The client knows best why a connection broke.
            drop(connection(stream, tls, world, desk).await);
        });
    }
}

async fn connection(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    world: Arc<World>,
    desk: Arc<dyn Desk>,
) -> io::Result<()> {
    match tls {
        Some(tls) => {
            let stream = tls.accept(stream).await?;
            let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            http(stream, is_http2, world, desk).await;
        }
        None => http(stream, false, world, desk).await,
    }
    Ok(())
}

async fn http<IO>(io: IO, is_http2: bool, world: Arc<World>, desk: Arc<dyn Desk>)
where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let broken = CancellationToken::new();
    let breaks = broken.clone();
    let service = service_fn(move |request| {
        let (world, desk, breaks) = (Arc::clone(&world), Arc::clone(&desk), breaks.clone());
        async move { one(request, &world, &desk).await.inspect_err(|_| breaks.cancel()) }
    });
    // A connection that was broken on purpose ends here too: over HTTP/2 with all the calls that share it.
    if is_http2 {
        let serving = http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(io), service);
        tokio::select! {
            served = serving => drop(served),
            () = broken.cancelled() => {}
        }
    } else {
        drop(http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(io), service).await);
    }
}

/// The connection breaks without an answer.
#[derive(Debug)]
struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the lab broke the connection")
    }
}

impl std::error::Error for Broken {}

type Answer = Response<UnsyncBoxBody<Bytes, Broken>>;

async fn one(request: Request<Incoming>, world: &Arc<World>, desk: &Arc<dyn Desk>) -> Result<Answer, Broken> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Broken)?.to_bytes();
    let mut request = Request::from_parts(parts, body);
    if let Some(answer) = desk.aside(&request) {
        return Ok(whole(answer));
    }
    let call = desk.call(&request);
    let interference = world.interference();
    let latency = interference.latency(&call);
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    world.tally.count(&call);
    desk.hold(&request).await;
    let verdict = interference.verdict(world, &call).await;
    if let Verdict::ShortPage(most) = verdict {
        request.extensions_mut().insert(PageEnds(most));
    }
    let serve = || {
        let answer = desk.answer(&request);
        interference.served(world, &call);
        answer
    };
    match verdict {
        Verdict::Serve | Verdict::ShortPage(_) => Ok(whole(serve())),
        Verdict::Refuse(refusal) => {
            let mut answer = desk.refuse(&request, &refusal);
            if let Some(seconds) = refusal.retry_after {
                answer.headers_mut().insert(http::header::RETRY_AFTER, seconds.into());
            }
            Ok(whole(answer))
        }
        Verdict::Reset => Err(Broken),
        Verdict::Hang => pending().await,
        Verdict::LoseAnswer => {
            drop(serve());
            Err(Broken)
        }
        Verdict::CutAnswer => Ok(cut(serve())),
    }
}

fn whole(answer: Response<Bytes>) -> Answer {
    answer.map(|body| Full::new(body).map_err(|never: Infallible| match never {}).boxed_unsync())
}

/// The whole length is announced, half of it comes.
fn cut(answer: Response<Bytes>) -> Answer {
    let (mut parts, body) = answer.into_parts();
    if body.is_empty() {
        parts.status = StatusCode::BAD_GATEWAY;
    }
    parts.headers.insert(http::header::CONTENT_LENGTH, (body.len().max(2)).into());
    let half = body.slice(..body.len() / 2);
    let frames = futures::stream::iter([Ok(Frame::data(half)), Err(Broken)]);
    Response::from_parts(parts, StreamBody::new(frames).boxed_unsync())
}
