//! Getting into a cluster: the token, the client, and what its errors mean.

pub mod token;
