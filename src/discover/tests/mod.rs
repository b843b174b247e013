//! This room against a server that answers as AWS does, page by page.

mod iam_policies;
