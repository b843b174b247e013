//! The API server itself.

use std::{
    fmt, io,
    net::{SocketAddr, TcpListener},
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use http::{Request, Response, header};
use jiff::Timestamp;
use rustls::ServerConfig;
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::{
    ask::{Ask, Target},
    authenticate::authenticate,
    certs, discovery, impersonate,
    kinds::Kind,
    object,
    rbac::{self, Attributes},
    review,
    status::{Status, json_response},
    store::Store,
    user::User,
    write,
};
use crate::{
    authenticator::{self, Reading},
    lab::{Call, Refusal, door, world::World},
    limits,
    model::ClusterId,
};

/// A cluster's API server: its address, its CA and what is stored in it.
pub struct ApiServer {
    id: ClusterId,
    address: SocketAddr,
    ca_pem: String,
    tls: Arc<ServerConfig>,
    listener: Mutex<Option<TcpListener>>,
    store: Store,
    /// aws-auth as it was last read, with its resourceVersion.
    reading: Mutex<Option<(Option<String>, Arc<Reading>)>>,
    closed: CancellationToken,
}

impl fmt::Debug for ApiServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiServer").field("id", &self.id).field("address", &self.address).finish_non_exhaustive()
    }
}

impl ApiServer {
    /// One with what a fresh cluster has, on a port of its own that is bound right away.
    ///
    /// # Errors
    /// When there is no port, or no certificate can be made.
    pub fn new(id: ClusterId) -> io::Result<Arc<Self>> {
        limits::raise_open_files();
        let certificates = certs::issue(&id.to_string())?;
        let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let (address, store) = (listener.local_addr()?, Store::new(&id));
        let (ca_pem, tls) = (certificates.ca_pem, certificates.tls);
        Ok(Arc::new(Self {
            id,
            address,
            ca_pem,
            tls,
            listener: Mutex::new(Some(listener)),
            store,
            reading: Mutex::new(None),
            closed: CancellationToken::new(),
        }))
    }

    /// Its URL.
    pub fn endpoint(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The certificate of its CA.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// A bearer token in `system:masters`, for seeding and tests.
    pub fn admin_token(&self) -> String {
        format!("lab-admin-{}", self.id.name)
    }

    /// What is stored in it.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Answers on the current runtime until it is cancelled; its port is free when the task has ended. It is served once.
    pub fn serve(self: &Arc<Self>, world: &Arc<World>, cancel: CancellationToken) -> JoinHandle<()> {
        let listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner).take();
        let tls = TlsAcceptor::from(Arc::clone(&self.tls));
        let desk = Arc::new(Desk { server: Arc::clone(self), world: Arc::clone(world) });
        let (world, closed) = (Arc::clone(world), self.closed.clone());
        tokio::spawn(async move {
            if let Some(Ok(listener)) = listener.map(tokio::net::TcpListener::from_std) {
                tokio::select! {
                    () = door::serve(listener, Some(tls), world, desk, cancel) => {}
                    () = closed.cancelled() => {}
                }
            }
        })
    }

    /// Ends its service for good: the cluster was deleted.
    pub fn close(&self) {
        self.closed.cancel();
    }
}

/// The API server of one world.
struct Desk {
    server: Arc<ApiServer>,
    world: Arc<World>,
}

impl door::Desk for Desk {
    fn call(&self, request: &Request<Bytes>) -> Call {
        let (id, ask) = (&self.server.id, Ask::of(request));
        Call {
            service: "kubernetes",
            operation: ask.operation(),
            account: Some(id.account.clone()),
            region: Some(id.region.clone()),
            cluster: Some(id.clone()),
            writes: ask.writes(),
        }
    }

    fn answer(&self, request: &Request<Bytes>) -> Response<Bytes> {
        let ask = Ask::of(request);
        self.answered(&ask).unwrap_or_else(|refused| refused.response())
    }

    fn refuse(&self, _request: &Request<Bytes>, refusal: &Refusal) -> Response<Bytes> {
        Status::new(refusal.status, &refusal.code, &refusal.message).response()
    }
}

impl Desk {
    fn answered(&self, ask: &Ask<'_>) -> Result<Response<Bytes>, Status> {
        let now = self.world.now();
        let user = self.server.user(ask, &self.world, now)?;
        let mut inner = self.server.store.lock();
        let user = impersonate::user(&inner, user, ask)?;
        rbac::authorize(&inner, &user, Attributes::of(ask))?;
        let on = match &ask.target {
            Target::Path(path) if ask.verb == "get" || ask.verb == "head" => {
                drop(inner);
                let version = self.world.read().clusters.get(&self.server.id).map(|cluster| cluster.version.clone());
                let address = self.server.address.to_string();
                return Ok(discovery::answer(path, &address, &version.unwrap_or_else(|| "1.36".to_owned())));
            }
            Target::Path(_) => return Err(Status::method_not_allowed()),
            Target::Resource(on) => on,
        };
        if !(on.group.is_empty() || discovery::GROUPS.contains(&on.group.as_str())) {
            return Ok(discovery::nothing());
        }
        if on.version != "v1" || !on.subresource.is_empty() {
            return Err(Status::no_such_resource());
        }
        if let Some(review) = review::answer(&inner, &user, ask, on, now) {
            return review.map(|body| json_response(201, &body));
        }
        let kind = Kind::of_resource(&on.group, &on.plural).ok_or_else(Status::no_such_resource)?;
        let mut desk = write::Desk { inner: &mut inner, user: &user, ask, on, kind, now };
        let (code, body) = desk.answer()?;
        drop(inner);
        Ok(json_response(code, &body))
    }
}

impl write::Desk<'_> {
    fn answer(&mut self) -> write::Answer {
        let collection = self.on.name.is_empty();
        // What is in a namespace is named within it; lists may be of all namespaces.
        if self.kind.namespaced && self.on.namespace.is_empty() && self.ask.verb != "list" {
            return Err(Status::method_not_allowed());
        }
        match self.ask.verb {
            "get" => self.get(),
            "list" => self.list(),
            "create" if collection => self.create(),
            "update" if !collection => self.replace(),
            "patch" if !collection => self.patch(),
            "delete" => self.delete(),
            "deletecollection" if self.kind.plural != "namespaces" => self.delete_all(),
            _ => Err(Status::method_not_allowed()),
        }
    }
}

impl ApiServer {
    /// Who asks. Without any token that is somebody anonymous, with one that is not good nobody.
    fn user(&self, ask: &Ask<'_>, world: &World, now: Timestamp) -> Result<User, Status> {
        let authorization = ask.header(header::AUTHORIZATION);
        if authorization.is_empty() {
            return Ok(User::anonymous());
        }
        let token = authorization.strip_prefix("Bearer ").map(str::trim).ok_or_else(Status::unauthorized)?;
        if token == self.admin_token() {
            return Ok(User::admin());
        }
        // The store's lock is taken inside the world's here, and nowhere the other way round.
        authenticate(&world.read(), &self.id, token, now, || self.reading()).ok_or_else(Status::unauthorized)
    }

    /// What the authenticator makes of aws-auth as it is now.
    fn reading(&self) -> Arc<Reading> {
        let stored = self.store.lock().aws_auth();
        let version = stored.as_deref().map(|stored| object::meta(stored, "resourceVersion").to_owned());
        let mut held = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, reading)) = held.as_ref().filter(|(of, _)| *of == version) {
            return Arc::clone(reading);
        }
        let data = stored.as_deref().and_then(|stored| stored.get("data")).and_then(Value::as_object);
        let texts = data.into_iter().flatten();
        let texts = texts.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect();
        let reading = Arc::new(authenticator::read(&texts));
        *held = Some((version, Arc::clone(&reading)));
        reading
    }
}
