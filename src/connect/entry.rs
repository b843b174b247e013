//! The layer that signs every request in, and repeats the few that may be repeated.

use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant, SystemTime},
};

use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, SharedCredentialsProvider, error::CredentialsError},
};
use futures::future::BoxFuture;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use kube::client::Body;
use tokio::sync::Mutex;
use tower::{BoxError, Layer, Service, ServiceExt};

use super::{ConnectTarget, chain, token, token::TokenError};
use crate::model::{ClusterId, Secret};

/// How often a request is repeated that the server put off, or a reading one that went with its connection.
const REPETITIONS: u32 = 3;
/// The first pause between repetitions; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause that a server may ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A refused token older than this is renewed once: a younger one would be refused again.
const REFUSED_AGE: Duration = Duration::from_secs(3);
/// How long before the end of the credentials their token is renewed.
const CREDENTIALS_MARGIN: Duration = Duration::from_mins(1);

/// Why a request did not come through, where it is not the server's answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum EntryError {
    /// There are no credentials to sign with.
    #[error("there are no AWS credentials to sign in with")]
    Credentials(#[source] CredentialsError),
    /// The token could not be made.
    #[error("the token could not be made: {0}")]
    Token(#[source] TokenError),
    /// The time ran out.
    #[error("no answer from {to} within {} s", timeout.as_secs_f64())]
    Timeout {
        /// Who was asked.
        to: Destination,
        /// How long it was waited for.
        timeout: Duration,
    },
    /// The request did not reach the server or the answer did not come back.
    #[error("asking {to}")]
    Transport {
        /// Who was asked.
        to: Destination,
        /// Why.
        #[source]
        source: BoxError,
    },
}

/// Who is asked, and through which proxy. Shown without the proxy's user and password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Destination {
    server: String,
    proxy: Option<String>,
}

impl Destination {
    pub(super) fn new(target: &ConnectTarget) -> Self {
        let bare = |proxy: &Secret| match (proxy.expose().split_once("://"), proxy.expose().rsplit_once('@')) {
            (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
            (None, Some((_, host))) => host.to_owned(),
            (_, None) => proxy.expose().to_owned(),
        };
        Self { server: target.server.clone(), proxy: target.proxy.as_ref().map(bare) }
    }

    pub(super) fn proxy(&self) -> Option<&str> {
        self.proxy.as_deref()
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.server)?;
        self.proxy.as_ref().map_or(Ok(()), |proxy| write!(f, " through the proxy {proxy}"))
    }
}

/// The tokens of one cluster, each made before the one before ends.
pub(super) struct Tokens {
    credentials: SharedCredentialsProvider,
    cluster: ClusterId,
    current: Mutex<Option<Current>>,
}

#[derive(Clone)]
struct Current {
    header: HeaderValue,
    made: Instant,
    renew_at: SystemTime,
}

impl Tokens {
    pub(super) fn new(credentials: SharedCredentialsProvider, cluster: ClusterId) -> Self {
        Self { credentials, cluster, current: Mutex::new(None) }
    }

    /// The token to use now; one that was refused is not given again when it is old enough to be the reason.
    async fn current(&self, refused: Option<&Current>) -> Result<Current, EntryError> {
        let mut held = self.current.lock().await;
        if let Some(token) = held.as_ref() {
            let was_refused = refused.is_some_and(|refused| refused.made == token.made);
            if !was_refused && SystemTime::now() < token.renew_at {
                return Ok(token.clone());
            }
        }
        let credentials = self.credentials.provide_credentials().await.map_err(EntryError::Credentials)?;
        let token = self.sign(&credentials)?;
        *held = Some(token.clone());
        Ok(token)
    }

    fn sign(&self, credentials: &Credentials) -> Result<Current, EntryError> {
        let now = SystemTime::now();
        let token =
            token::presign(credentials, &self.cluster.region, &self.cluster.name, now).map_err(EntryError::Token)?;
        // A token is worth no more than the credentials it was signed with.
        let margin = credentials.expiry().and_then(|end| end.checked_sub(CREDENTIALS_MARGIN));
        let renew_at = margin.map_or(token.renew_at, |end| end.min(token.renew_at));
        let mut header = HeaderValue::try_from(format!("Bearer {}", token.text.expose()))
            .map_err(|error| EntryError::Token(TokenError::Signing(error.to_string())))?;
        header.set_sensitive(true);
        Ok(Current { header, made: Instant::now(), renew_at })
    }
}

/// Puts an [`Entry`] around the client's stack.
#[derive(Clone)]
pub(super) struct EntryLayer {
    tokens: Arc<Tokens>,
    to: Destination,
    timeout: Duration,
}

impl EntryLayer {
    pub(super) fn new(tokens: Tokens, target: &ConnectTarget) -> Self {
        Self { tokens: Arc::new(tokens), to: Destination::new(target), timeout: target.timeout }
    }
}

impl<S> Layer<S> for EntryLayer {
    type Service = Entry<S>;

    fn layer(&self, inner: S) -> Entry<S> {
        Entry { inner: Arc::new(Mutex::new(inner)), layer: self.clone() }
    }
}

/// Signs every request in. A request that the server puts off is repeated a few times: any on 429, which says that it was
/// not carried out, only reads on 503 and 504. A read that is refused with 401 is repeated once with a new token.
pub(super) struct Entry<S> {
    // The stack below is always ready and cannot be cloned: the lock is held only while a request is handed over.
    inner: Arc<Mutex<S>>,
    layer: EntryLayer,
}

impl<S, B> Service<Request<Body>> for Entry<S>
where
    S: Service<Request<Body>, Response = Response<B>, Error = BoxError> + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
{
    type Response = Response<B>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<B>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (inner, layer) = (Arc::clone(&self.inner), self.layer.clone());
        Box::pin(async move {
            match tokio::time::timeout(layer.timeout, attempts(&inner, &layer, request)).await {
                Ok(result) => result.map_err(BoxError::from),
                Err(_) => Err(EntryError::Timeout { to: layer.to, timeout: layer.timeout }.into()),
            }
        })
    }
}

async fn attempts<S, B>(
    inner: &Mutex<S>,
    layer: &EntryLayer,
    mut request: Request<Body>,
) -> Result<Response<B>, EntryError>
where
    S: Service<Request<Body>, Response = Response<B>, Error = BoxError>,
{
    let mut token = layer.tokens.current(None).await?;
    let (mut renewed, mut repeated, mut broken_off) = (false, 0, 0);
    loop {
        let copy = repeatable(&request);
        request.headers_mut().insert(header::AUTHORIZATION, token.header.clone());
        let reading = request.method() == Method::GET;
        let (response, next) = match (send(inner, request).await, copy) {
            (Ok(response), Some(next)) => (response, next),
            (Ok(response), None) => return Ok(response),
            (Err(error), Some(next)) if reading && broken_off < REPETITIONS && is_broken_off(&*error) => {
                broken_off += 1;
                request = next;
                continue;
            }
            (Err(source), _) => return Err(EntryError::Transport { to: layer.to.clone(), source }),
        };
        match response.status() {
            StatusCode::UNAUTHORIZED if reading && !renewed && token.made.elapsed() > REFUSED_AGE => {
                renewed = true;
                token = layer.tokens.current(Some(&token)).await?;
            }
            status if repeated < REPETITIONS && put_off(status, reading) => {
                tokio::time::sleep(pause(&response, repeated)).await;
                repeated += 1;
                token = layer.tokens.current(None).await?;
            }
            _ => return Ok(response),
        }
        request = next;
    }
}

async fn send<S, B>(inner: &Mutex<S>, request: Request<Body>) -> Result<Response<B>, BoxError>
where
    S: Service<Request<Body>, Response = Response<B>, Error = BoxError>,
{
    let answer = {
        let mut service = inner.lock().await;
        service.ready().await?.call(request)
    };
    answer.await
}

/// Whether the connection was there and went before the answer. An API server ends a connection with the first request that
/// it does not know the sender of, and takes with it whatever else was asked on it: `UnauthenticatedHTTP2DOSMitigation` in
/// <https://kubernetes.io/docs/reference/command-line-tools-reference/feature-gates/>.
fn is_broken_off(error: &(dyn std::error::Error + 'static)) -> bool {
    chain::find::<hyper::Error>(error).is_some() && !chain::causes(error).any(is_timeout)
}

fn is_timeout(error: &(dyn std::error::Error + 'static)) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::TimedOut)
}

fn put_off(status: StatusCode, reading: bool) -> bool {
    let busy = matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT);
    status == StatusCode::TOO_MANY_REQUESTS || (reading && busy)
}

fn pause<B>(response: &Response<B>, repeated: u32) -> Duration {
    let asked = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let own = FIRST_PAUSE * 2_u32.pow(repeated);
    asked.map_or(own, Duration::from_secs).max(own).min(LONGEST_PAUSE)
}

/// A copy of the request, unless its body is a stream.
fn repeatable(request: &Request<Body>) -> Option<Request<Body>> {
    let mut copy = Request::new(request.body().try_clone()?);
    copy.method_mut().clone_from(request.method());
    copy.uri_mut().clone_from(request.uri());
    copy.headers_mut().clone_from(request.headers());
    *copy.extensions_mut() = request.extensions().clone();
    Some(copy)
}
