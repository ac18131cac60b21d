//! What is where, and what is nowhere.

use std::fs;

use axum::body::Body;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use tempfile::TempDir;
use tower::ServiceExt as _;

use super::*;

#[tokio::test]
async fn the_page_is_built_in_and_strict() {
    let router = router(&Config::default());
    let (status, headers, body) = ask(&router, "/").await;
    assert!(status == StatusCode::OK && body.contains("<title>"));
    assert_eq!(headers[header::CONTENT_TYPE], "text/html; charset=utf-8");
    let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(
        policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'")
    );
    assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    assert_eq!(headers[header::REFERRER_POLICY], "no-referrer");
}

#[tokio::test]
async fn every_asset_that_the_page_names_is_there() {
    let router = router(&Config::default());
    let (_, _, page) = ask(&router, "/").await;
    let assets: Vec<_> = page.split('"').filter(|text| text.starts_with("/static/")).collect();
    assert!(!assets.is_empty());
    for asset in assets {
        let (status, headers, _) = ask(&router, asset).await;
        assert_eq!(status, StatusCode::OK, "{asset}");
        assert!(headers[header::CONTENT_TYPE].to_str().unwrap().starts_with("text/"), "{asset}");
    }
}

#[tokio::test]
async fn an_asset_that_is_known_is_not_sent_again() {
    let router = router(&Config::default());
    let (_, headers, _) = ask(&router, "/").await;
    let request = Request::get("/").header(header::IF_NONE_MATCH, &headers[header::ETAG]);
    let response = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-cache");
}

#[tokio::test]
async fn what_does_not_exist_is_not_found() {
    let router = router(&Config::default());
    for path in
        ["/nothing", "/static/nothing.js", "/static/../Cargo.toml", "/static/%2e%2e/Cargo.toml", "/metrics"]
    {
        assert_eq!(ask(&router, path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_folder_replaces_the_page_and_its_assets() {
    let folder = tutorial();
    let router = router(&with_folder(&folder));
    for (path, content) in [
        ("/", "the page"),
        ("/static/styles.css", "in static"),
        ("/static/js/controller.js", "controller"),
        ("/static/other.js", "beside the page"),
        ("/other.js", "beside the page"),
        ("/a%20b.txt", "a space"),
    ] {
        let (status, headers, body) = ask(&router, path).await;
        assert_eq!((status, body.as_str()), (StatusCode::OK, content), "{path}");
        assert!(!headers.contains_key(header::CONTENT_SECURITY_POLICY), "{path}");
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    }
    assert_eq!(ask(&router, "/static/app.js").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn nothing_outside_the_folder_or_hidden_in_it_is_served() {
    let folder = tutorial();
    fs::write(folder.path().join(".env"), "secret").unwrap();
    let inner = TempDir::new_in(folder.path()).unwrap();
    let (whole, inner) = (router(&with_folder(&folder)), router(&with_folder(&inner)));
    for path in ["/.env", "/%2eenv", "/static/.env", "/static%2f.env", "/static/%2e%2e/.env", "/x/..%2f.env"]
    {
        assert_eq!(ask(&whole, path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
    for path in
        ["/../other.js", "/%2e%2e/other.js", "/..%2fother.js", "/static/../../other.js", "/..%5cother.js"]
    {
        assert_eq!(ask(&inner, path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn the_browser_bundle_comes_from_its_package() {
    let folder = tutorial();
    fs::write(folder.path().join("socket.io.js"), "io").unwrap();
    fs::write(folder.path().join("package.json"), "{}").unwrap();
    let router = router(&with_bundle(&folder));
    let (status, headers, body) = ask(&router, "/socket.io/socket.io.js?x=1").await;
    assert_eq!((status, body.as_str()), (StatusCode::OK, "io"));
    assert!(headers[header::CONTENT_TYPE].to_str().unwrap().contains("javascript"));
    for path in ["/socket.io/package.json", "/socket.io/other.js", "/socket.io/..%2fother.js"] {
        assert_eq!(ask(&router, path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_bundle_that_is_missing_says_what_to_do() {
    let router = router(&with_bundle(&TempDir::new().unwrap()));
    let (status, _, body) = ask(&router, "/socket.io/socket.io.min.js").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(body.contains("`make run`") && body.contains("`npm ci`"), "{body}");
}

fn tutorial() -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::create_dir_all(folder.path().join("static/js")).unwrap();
    for (name, content) in [
        ("index.html", "the page"),
        ("static/styles.css", "in static"),
        ("styles.css", "beside the page"),
        ("static/js/controller.js", "controller"),
        ("other.js", "beside the page"),
        ("a b.txt", "a space"),
    ] {
        fs::write(folder.path().join(name), content).unwrap();
    }
    folder
}

fn with_folder(folder: &TempDir) -> Config {
    let mut config = Config::default();
    config.http.static_dir = Some(folder.path().to_owned());
    config
}

fn with_bundle(folder: &TempDir) -> Config {
    let mut config = Config::default();
    config.http.client_dir = folder.path().to_owned();
    config
}

async fn ask(router: &Router, path: &str) -> (StatusCode, HeaderMap, String) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let (head, body) = router.clone().oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (head.status, head.headers, String::from_utf8_lossy(&body).into_owned())
}
