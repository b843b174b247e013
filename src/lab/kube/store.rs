//! What is stored in one API server.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use serde_json::Value;

use super::{bootstrap, kinds::Kind, object};
use crate::model::ClusterId;

/// What an object is stored under: resource, namespace (empty for those without), name.
pub(super) type Key = (&'static str, String, String);

/// The objects of one cluster, as JSON. All of it behind one lock: a request sees and changes it at once.
pub struct Store {
    inner: Mutex<Inner>,
}

/// One write that took place.
#[derive(Clone, Debug)]
pub struct Written {
    /// The resource, such as `configmaps`.
    pub resource: &'static str,
    /// The namespace; empty for those without.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// The object before; `None` when there was none.
    pub before: Option<Arc<Value>>,
    /// The object afterwards; `None` when it is gone.
    pub after: Option<Arc<Value>>,
    /// Whether a request wrote it, and not somebody past the API server by [`Store::put`] or [`Store::delete`].
    pub by_request: bool,
}

/// The objects, while the store is locked.
pub(super) struct Inner {
    /// What every fresh cluster has, held once for all of them.
    base: &'static BTreeMap<Key, Arc<Value>>,
    /// What differs from it; `None` is gone.
    own: BTreeMap<Key, Option<Arc<Value>>>,
    version: u64,
    ids: fastrand::Rng,
    history: Option<Vec<Option<Arc<Value>>>>,
    journal: Vec<Written>,
    past_the_server: bool,
    lists: VecDeque<Listed>,
}

/// A list of which not all pages were given yet.
struct Listed {
    version: u64,
    resource: &'static str,
    within: Option<String>,
    objects: Vec<Arc<Value>>,
}

/// How many lists are held for their next pages.
const LISTS: usize = 16;

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

impl Store {
    /// What a fresh cluster has.
    pub(super) fn new(id: &ClusterId) -> Self {
        // FNV-1a: the same cluster gives the same uids in every run.
        let seed = id
            .to_string()
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        let inner = Inner {
            base: bootstrap::objects(),
            own: BTreeMap::new(),
            version: bootstrap::VERSION,
            ids: fastrand::Rng::with_seed(seed),
            history: None,
            journal: Vec::new(),
            past_the_server: false,
            lists: VecDeque::new(),
        };
        Self { inner: Mutex::new(inner) }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stores an object past all checks, named by its apiVersion, kind, namespace and name, and gives it as it is stored.
    /// uid, creationTimestamp and resourceVersion are set; managedFields stay as they are given.
    ///
    /// `None` when no such kind is served.
    pub fn put(&self, object: Value, now: Timestamp) -> Option<Arc<Value>> {
        let kind = Kind::of_object(object::text(&object, "apiVersion"), object::text(&object, "kind"))?;
        Some(self.past_the_server(|inner| inner.insert(kind, object, now)))
    }

    /// An object by its resource (`configmaps`), namespace (empty for those without) and name.
    pub fn get(&self, resource: &str, namespace: &str, name: &str) -> Option<Arc<Value>> {
        self.lock().get(Kind::of_plural(resource)?, namespace, name)
    }

    /// Removes an object past all checks; tells whether it was there.
    pub fn delete(&self, resource: &str, namespace: &str, name: &str) -> bool {
        let remove = |kind| self.past_the_server(|inner| inner.remove(kind, namespace, name)).is_some();
        Kind::of_plural(resource).is_some_and(remove)
    }

    fn past_the_server<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        let mut inner = self.lock();
        inner.past_the_server = true;
        let changed = change(&mut inner);
        inner.past_the_server = false;
        changed
    }

    /// The objects of a resource, of one namespace or of all.
    pub fn list(&self, resource: &str, namespace: Option<&str>) -> Vec<Arc<Value>> {
        Kind::of_plural(resource).map(|kind| self.lock().list(kind, namespace)).unwrap_or_default()
    }

    /// Keeps every version of kube-system/aws-auth, and a journal of all writes, from now on; the present version first.
    pub fn keep_history(&self) {
        let mut inner = self.lock();
        let present = inner.aws_auth();
        inner.history.get_or_insert_with(|| vec![present]);
    }

    /// Every version of kube-system/aws-auth since [`Store::keep_history`]; `None` where there was none.
    pub fn history(&self) -> Vec<Option<Arc<Value>>> {
        self.lock().history.clone().unwrap_or_default()
    }

    /// Every write of any object since [`Store::keep_history`].
    pub fn journal(&self) -> Vec<Written> {
        self.lock().journal.clone()
    }

    /// The resourceVersion of the last change.
    pub fn version(&self) -> u64 {
        self.lock().version
    }

    /// Lets every list expire whose next page is still to be asked for.
    pub fn expire_lists(&self) {
        let mut inner = self.lock();
        inner.lists.clear();
        inner.version += 1;
    }
}

impl Inner {
    /// The resourceVersion of the last change.
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// An object.
    pub(super) fn get(&self, kind: &Kind, namespace: &str, name: &str) -> Option<Arc<Value>> {
        let key = (kind.plural, namespace.to_owned(), name.to_owned());
        match self.own.get(&key) {
            Some(own) => own.clone(),
            None => self.base.get(&key).cloned(),
        }
    }

    /// The objects of a resource in the order of namespace and name.
    pub(super) fn list(&self, kind: &Kind, namespace: Option<&str>) -> Vec<Arc<Value>> {
        let start = (kind.plural, namespace.unwrap_or_default().to_owned(), String::new());
        let belongs = |key: &Key| key.0 == kind.plural && namespace.is_none_or(|namespace| key.1 == namespace);
        let mut base = self.base.range(start.clone()..).take_while(|(key, _)| belongs(key)).peekable();
        let mut own = self.own.range(start..).take_while(|(key, _)| belongs(key)).peekable();
        let mut objects = Vec::new();
        loop {
            let first = match (base.peek(), own.peek()) {
                (None, None) => return objects,
                (Some(_), None) => base.next().map(|(_, object)| object.clone()),
                (base_next, Some((own_key, _))) => match base_next {
                    Some((base_key, _)) if base_key < own_key => base.next().map(|(_, object)| object.clone()),
                    Some((base_key, _)) if base_key == own_key => {
                        base.next();
                        own.next().and_then(|(_, object)| object.clone())
                    }
                    _ => own.next().and_then(|(_, object)| object.clone()),
                },
            };
            objects.extend(first);
        }
    }

    /// The objects of a resource as they were at a resourceVersion, when that is still known.
    pub(super) fn at(&self, version: u64, kind: &Kind, within: Option<&str>) -> Option<Vec<Arc<Value>>> {
        if version == self.version {
            return Some(self.list(kind, within));
        }
        let is_it = |list: &&Listed| {
            list.version == version && list.resource == kind.plural && list.within.as_deref() == within
        };
        self.lists.iter().find(is_it).map(|list| list.objects.clone())
    }

    /// Keeps a list for its next pages.
    pub(super) fn keep(&mut self, version: u64, kind: &Kind, within: Option<String>, objects: Vec<Arc<Value>>) {
        if self
            .lists
            .iter()
            .any(|list| list.version == version && list.resource == kind.plural && list.within == within)
        {
            return;
        }
        self.lists.push_back(Listed { version, resource: kind.plural, within, objects });
        if self.lists.len() > LISTS {
            self.lists.pop_front();
        }
    }

    /// Stores an object with a new resourceVersion; a new one gets its uid and its time of creation.
    pub(super) fn insert(&mut self, kind: &'static Kind, mut object: Value, now: Timestamp) -> Arc<Value> {
        let key = (kind.plural, object::namespace(&object).to_owned(), object::name(&object).to_owned());
        self.version += 1;
        let before = self.get(kind, &key.1, &key.2);
        match &before {
            Some(before) => {
                for field in ["uid", "creationTimestamp"] {
                    object::set_meta(&mut object, field, Some(object::meta(before, field)));
                }
            }
            None => self.name_new(&mut object, now),
        }
        object::set_meta(&mut object, "resourceVersion", Some(&self.version.to_string()));
        let object = Arc::new(object);
        self.own.insert(key, Some(Arc::clone(&object)));
        self.remember(kind, before, Some(Arc::clone(&object)));
        object
    }

    /// Gives a new object its uid and its time of creation, where it has none.
    pub(super) fn name_new(&mut self, object: &mut Value, now: Timestamp) {
        if object::meta(object, "uid").is_empty() {
            let uid = self.new_uid();
            object::set_meta(object, "uid", Some(&uid));
        }
        if object::meta(object, "creationTimestamp").is_empty() {
            object::set_meta(object, "creationTimestamp", Some(&object::time(now)));
        }
    }

    /// Removes an object and gives it as it was.
    pub(super) fn remove(&mut self, kind: &'static Kind, namespace: &str, name: &str) -> Option<Arc<Value>> {
        let object = self.get(kind, namespace, name)?;
        self.version += 1;
        let key = (kind.plural, namespace.to_owned(), name.to_owned());
        if self.base.contains_key(&key) {
            self.own.insert(key, None);
        } else {
            self.own.remove(&key);
        }
        self.remember(kind, Some(Arc::clone(&object)), None);
        Some(object)
    }

    /// The ConfigMap kube-system/aws-auth.
    pub(super) fn aws_auth(&self) -> Option<Arc<Value>> {
        self.get(Kind::of_plural("configmaps")?, "kube-system", "aws-auth")
    }

    /// Five characters for a name that is made up, from the alphabet of Kubernetes.
    pub(super) fn new_suffix(&mut self) -> String {
        const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
        (0..5).filter_map(|_| ALPHABET.get(self.ids.usize(..ALPHABET.len())).map(|&c| char::from(c))).collect()
    }

    fn new_uid(&mut self) -> String {
        let mut bytes = [0_u8; 16];
        self.ids.fill(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
    }

    fn remember(&mut self, kind: &Kind, before: Option<Arc<Value>>, after: Option<Arc<Value>>) {
        let (Some(history), Some(object)) = (self.history.as_mut(), after.as_ref().or(before.as_ref())) else { return };
        let (namespace, name) = (object::namespace(object).to_owned(), object::name(object).to_owned());
        if (kind.plural, namespace.as_str(), name.as_str()) == ("configmaps", "kube-system", "aws-auth") {
            history.push(after.clone());
        }
        let by_request = !self.past_the_server;
        self.journal.push(Written { resource: kind.plural, namespace, name, before, after, by_request });
    }
}
