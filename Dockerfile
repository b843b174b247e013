# syntax=docker/dockerfile:1

# docker build -t rolecall .
FROM rust:1.95-bookworm AS build
# aws-lc, the cryptography of the TLS library, is built with cmake.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends cmake \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY src src
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/src/target,sharing=locked \
    cargo build --release --locked --no-default-features --bin rolecall \
 && install -D target/release/rolecall /out/rolecall

# The C library and CA certificates, and nothing that could be run beside rolecall.
FROM gcr.io/distroless/cc-debian12:nonroot
LABEL org.opencontainers.image.title="rolecall" \
      org.opencontainers.image.description="Keeps access to every EKS cluster of an AWS organization in line with one central policy" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
COPY --from=build /out/rolecall /usr/local/bin/rolecall
COPY LICENSE-MIT LICENSE-APACHE /usr/share/doc/rolecall/
# By number, so that Kubernetes can see that it is not root.
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/rolecall"]
CMD ["--help"]
