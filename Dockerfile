# The gateway's image: the binary, the libraries it is linked against, and the browser's Socket.IO client. No shell, no root.

# The client bundle that nodes serve at /socket.io/socket.io.js: an npm package, never committed.
FROM node:20-bookworm-slim AS client
WORKDIR /client
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts

FROM rust:1.95-bookworm AS build
WORKDIR /src
ENV CARGO_PROFILE_RELEASE_DEBUG=none CARGO_PROFILE_RELEASE_STRIP=debuginfo
# First every dependency, with empty crates of ours, so that this layer lasts as long as the manifests and the lock.
COPY Cargo.toml Cargo.lock ./
COPY crates/core/Cargo.toml crates/core/
COPY crates/dialects/Cargo.toml crates/dialects/
COPY crates/redis/Cargo.toml crates/redis/
COPY crates/gateway/Cargo.toml crates/gateway/
COPY crates/load/Cargo.toml crates/load/
COPY tests/Cargo.toml tests/
COPY tests/chaos/Cargo.toml tests/chaos/
COPY tests/fuzz/Cargo.toml tests/fuzz/
RUN for crate in crates/* tests tests/chaos tests/fuzz; do \
        mkdir -p $crate/src && : > $crate/src/lib.rs && echo 'fn main() {}' > $crate/src/main.rs; \
    done \
 && cargo build --locked --release -p hubbub-gateway \
 && rm -r crates/*/src
COPY crates crates
COPY static static
# A copied file keeps its age, which may be less than the empty crates'.
RUN find crates -name '*.rs' -exec touch {} + \
 && cargo build --locked --release -p hubbub-gateway --bin hubbub
# The loader and the few libraries that the binary names, at the paths where it looks for them.
RUN set -eu; \
    install -D target/release/hubbub /image/usr/local/bin/hubbub; \
    ldd target/release/hubbub | grep -o '/lib[^ ]*' | while read -r library; do install -D "$library" "/image$library"; done

FROM scratch
COPY --from=build /image/ /
COPY --from=client /client/node_modules/socket.io-client/dist/ /app/node_modules/socket.io-client/dist/
WORKDIR /app
USER 65532:65532
ENV HUBBUB__HTTP__ADDR=0.0.0.0:8080 \
    HUBBUB__ADMIN__ADDR=0.0.0.0:9090
EXPOSE 8080 9090
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s CMD ["hubbub", "healthcheck"]
ENTRYPOINT ["hubbub"]
