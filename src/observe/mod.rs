//! Reading one cluster: aws-auth and RBAC.
