//! Reading AWS: organization, credentials, clusters, identities.
