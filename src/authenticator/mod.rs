//! How EKS itself reads aws-auth and resolves a caller.
