//! Each source, who wins, and what is said when something is wrong.

use std::{env, fs, time::Duration};

use tempfile::NamedTempFile;

use super::*;

#[test]
fn nothing_given_is_the_defaults() {
    let config = load(&[], &[]).unwrap();
    assert_eq!(config.http.addr.to_string(), "127.0.0.1:8080");
    assert_eq!(config.admin.addr.to_string(), "127.0.0.1:9090");
    assert_eq!(*config.socketio.ping_interval, Duration::from_secs(25));
    assert_eq!(config.socketio.max_payload, Size::kib(64));
    assert!(config.redis.url.is_none());
}

#[test]
fn the_environment_goes_over_the_file_and_the_command_line_over_both() {
    let file =
        file("[log]\nlevel = 'warn'\nformat = 'json'\n[limits]\nrooms = 5\n[http]\nmax_connections = 6\n");
    let sources = Sources {
        file: Some(file.path().to_owned()),
        environment: pairs(&[
            ("HUBBUB__LOG__LEVEL", "debug"),
            ("HUBBUB__LIMITS__ROOMS", "7"),
            ("OTHER__KEY", "1"),
        ]),
        set: vec!["limits.rooms=9".to_owned()],
    };
    let config = Config::load(&sources).unwrap();
    assert_eq!(config.log.format, LogFormat::Json);
    assert_eq!(config.http.max_connections, 6);
    assert_eq!(config.log.level.to_string(), "debug");
    assert_eq!(config.limits.rooms, 9);
}

#[test]
fn the_environment_can_name_the_file() {
    let file = file("[drain]\nwindow = '1s'\n");
    let path = file.path().display().to_string();
    let config = load(&[("HUBBUB_CONFIG", &path)], &[]).unwrap();
    assert_eq!(config.drain.window, Span::seconds(1));
}

#[test]
fn an_empty_variable_is_not_set() {
    assert!(load(&[("HUBBUB__REDIS__URL", ""), ("PORT", ""), ("HUBBUB_CONFIG", "")], &[]).is_ok());
}

#[test]
fn port_counts_where_the_address_is_not_set_anywhere() {
    let address =
        |environment: &[(&str, &str)], set: &[&str]| load(environment, set).unwrap().http.addr.to_string();
    assert_eq!(address(&[("PORT", "5000")], &[]), "0.0.0.0:5000");
    assert_eq!(address(&[("PORT", "5000"), ("HUBBUB__HTTP__ADDR", "[::1]:1")], &[]), "[::1]:1");
    assert_eq!(address(&[("PORT", "5000")], &["http.addr=127.0.0.1:2"]), "127.0.0.1:2");
    assert_eq!(problem(&[("PORT", "http")], &[]), "PORT: expected a number from 0 to 65535");
    let file = file("[http]\naddr = '127.0.0.1:3'\n");
    let path = file.path().display().to_string();
    assert_eq!(address(&[("PORT", "5000"), ("HUBBUB_CONFIG", &path)], &[]), "127.0.0.1:3");
}

#[test]
fn a_secret_can_be_in_a_file_of_its_own() {
    let file = file("redis://hubbub:pass@redis:6379\n");
    let path = file.path().display().to_string();
    let config = load(&[("HUBBUB__REDIS__URL_FILE", &path)], &[]).unwrap();
    assert_eq!(config.redis.url.unwrap().reveal(), "redis://hubbub:pass@redis:6379");
    assert_eq!(
        problem(&[("HUBBUB__REDIS__URL_FILE", &path), ("HUBBUB__REDIS__URL", "redis://a")], &[]),
        "HUBBUB__REDIS__URL: expected it or HUBBUB__REDIS__URL_FILE, not both",
    );
    assert_eq!(
        problem(&[("HUBBUB__NODE__SECRET_FILE", "/nowhere")], &[]),
        "HUBBUB__NODE__SECRET_FILE: expected a file that can be read, but /nowhere: No such file or directory (os \
         error 2)",
    );
}

#[test]
fn a_key_that_does_not_exist_is_named_as_it_was_written() {
    assert_eq!(
        problem(&[("HUBBUB__ADMIN__ADRR", "127.0.0.1:1")], &[]),
        "HUBBUB__ADMIN__ADRR: there is no such key; admin has addr",
    );
    assert_eq!(
        problem(&[], &["drain.wait=1s"]),
        "--set drain.wait: there is no such key; drain has window, delay"
    );
    assert!(
        problem(&[("HUBBUB__HTPP__ADDR", "x")], &[])
            .starts_with("HUBBUB__HTPP__ADDR: there is no such section")
    );
    assert!(problem(&[("HUBBUB__", "x")], &[]).starts_with("HUBBUB__: there is no such section"));
    assert!(
        problem(&[("HUBBUB__HTTP__ADDR__X", "x")], &[])
            .starts_with("HUBBUB__HTTP__ADDR__X: there is no such key")
    );
    assert!(
        problem(&[("HUBBUB__HTTP__ADDR_FILE", "x")], &[]).starts_with("HUBBUB__HTTP__ADDR_FILE: there is no")
    );
    assert_eq!(problem(&[], &["drain"]), "--set drain: expected section.key=value");
}

#[test]
fn a_file_is_held_to_the_same() {
    for (text, problem) in [
        ("[drain]\nwait = '1s'\n", "drain.wait: there is no such key; drain has window, delay"),
        ("[drain.window]\nwait = '1s'\n", "drain.window: expected a string"),
        ("drain = 1\n", "drain: there is no such key; drain has window, delay"),
        ("[drain]\nwindow = 30\n", "drain.window: expected a time such as 300ms, 5s or 2m"),
        ("[security]\norigins = 5\n", "security.origins: expected a text or a list of texts"),
        ("[security]\norigins = [5]\n", ORIGINS),
    ] {
        let file = file(text);
        let path = file.path().display().to_string();
        assert_eq!(self::problem(&[("HUBBUB_CONFIG", &path)], &[]), format!("{path}: {problem}"));
    }
}

#[test]
fn a_file_that_cannot_be_read_is_one_line_too() {
    assert_eq!(
        problem(&[("HUBBUB_CONFIG", "/nowhere")], &[]),
        "/nowhere: No such file or directory (os error 2)"
    );
    let file = file("[drain]\nwindow 5\n");
    let path = file.path().display().to_string();
    let problem = problem(&[("HUBBUB_CONFIG", &path)], &[]);
    assert!(problem.starts_with(&format!("{path}: TOML parse error at line 2, column 8: ")), "{problem}");
}

#[test]
fn a_wrong_value_names_the_key_and_what_was_expected() {
    for (name, value, expected) in [
        ("HUBBUB__DRAIN__WINDOW", "30", "a time such as 300ms, 5s or 2m"),
        ("HUBBUB__SOCKETIO__MAX_PAYLOAD", "64kb", "a size such as 64KiB or 1MiB"),
        ("HUBBUB__SOCKETIO__PING_INTERVAL", "0s", "a time above 0s"),
        ("HUBBUB__HTTP__ADDR", "localhost", "an address and port such as 127.0.0.1:8080"),
        ("HUBBUB__HTTP__MAX_CONNECTIONS", "many", "an integer"),
        ("HUBBUB__HTTP__MAX_CONNECTIONS", "-1", "an integer"),
        ("HUBBUB__REDIS__FAIL_FAST", "maybe", "a boolean"),
        ("HUBBUB__REDIS__POOL", "0", "a number above 0"),
        ("HUBBUB__REDIS__URL", "localhost", "a URL such as redis://user:password@host:6379"),
        ("HUBBUB__NODE__ID", "a.b", "1 to 32 of A-Z, a-z, 0-9, _ and -"),
        ("HUBBUB__NODE__ADVERTISE", "10.0.0.1", "host:port"),
        ("HUBBUB__NODE__SECRET", "short", "at least 16 characters"),
        ("HUBBUB__LOG__LEVEL", "inof", "a level such as info or debug, or info,hubbub_gateway=debug"),
        ("HUBBUB__LOG__LEVEL", "info,a=b=c", "a level such as info or debug, or info,hubbub_gateway=debug"),
        ("HUBBUB__LOG__FORMAT", "yaml", "text or json"),
        (
            "HUBBUB__SECURITY__ORIGINS",
            "null",
            "* or origins such as https://chat.example.org, separated by commas",
        ),
    ] {
        assert_eq!(problem(&[(name, value)], &[]), format!("{name}: expected {expected}"));
    }
}

#[test]
fn a_list_in_the_environment_is_separated_by_commas() {
    let config = load(&[("HUBBUB__SECURITY__ORIGINS", "https://a.test, https://b.test:8443")], &[]).unwrap();
    assert_eq!(
        config.security.origins,
        Origins::List(vec!["https://a.test".into(), "https://b.test:8443".into()])
    );
}

#[test]
fn what_is_printed_shows_no_secret() {
    let printed =
        printed(&["redis.url=redis://hubbub:s3cret@redis:6379", "node.secret=s3cret-of-the-cluster"]);
    assert!(!printed.contains("s3cret"), "{printed}");
    assert!(printed.contains("url = \"redis://hubbub:***@redis:6379\""), "{printed}");
}

#[test]
fn what_is_printed_is_a_file_that_gives_the_same() {
    let once = printed(&[
        "drain.window=7s",
        "security.origins=https://a.test",
        "http.static_dir=/srv",
        "node.id=one",
    ]);
    assert!(once.contains("window = \"7s\"") && once.contains("id = \"one\""), "{once}");
    let file = file(&once);
    let sources = Sources { file: Some(file.path().to_owned()), ..Sources::default() };
    assert_eq!(sources.printed().unwrap(), once);
}

#[test]
fn a_random_id_is_not_printed() {
    assert!(!printed(&[]).contains("id ="));
    assert_ne!(Config::default().node.id, Config::default().node.id);
}

#[test]
fn debug_shows_no_secret_either() {
    let secrets = ["redis.url=redis://hubbub:s3cret@redis:6379", "node.secret=s3cret-of-the-cluster"];
    assert!(!format!("{:?}", load(&[], &secrets).unwrap()).contains("s3cret"));
}

#[test]
fn a_node_that_others_cannot_reach_is_warned_of() {
    let warnings = |set: &[&str]| load(&[], set).unwrap().warnings();
    assert_eq!(warnings(&[]), [""; 0]);
    assert!(warnings(&["redis.url=redis://redis"])[0].starts_with("http.addr 127.0.0.1:8080 is no address"));
    assert_eq!(warnings(&["redis.url=redis://redis", "http.addr=0.0.0.0:80"]).len(), 1);
    assert_eq!(warnings(&["redis.url=redis://redis", "http.addr=10.0.0.1:80"]), [""; 0]);
    assert_eq!(warnings(&["redis.url=redis://redis", "node.advertise=10.0.0.1:80"]), [""; 0]);
}

#[test]
fn the_documented_file_is_the_one_made_from_the_code() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
    let markdown = markdown().unwrap();
    if env::var_os("UPDATE").is_some() {
        fs::write(path, &markdown).unwrap();
    }
    let documented = fs::read_to_string(path).unwrap_or_default();
    assert!(
        documented == markdown,
        "docs/configuration.md is not what the code says: run this test with UPDATE=1"
    );
}

const ORIGINS: &str =
    "security.origins: expected * or origins such as https://chat.example.org, separated by commas";

fn load(environment: &[(&str, &str)], set: &[&str]) -> Result<Config, Invalid> {
    let set = set.iter().map(|&text| text.to_owned()).collect();
    Config::load(&Sources { file: None, environment: pairs(environment), set })
}

fn printed(set: &[&str]) -> String {
    let set = set.iter().map(|&text| text.to_owned()).collect();
    Sources { set, ..Sources::default() }.printed().unwrap()
}

fn problem(environment: &[(&str, &str)], set: &[&str]) -> String {
    load(environment, set).expect_err("an error").to_string()
}

fn pairs(environment: &[(&str, &str)]) -> Vec<(String, String)> {
    environment.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn file(text: &str) -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    fs::write(file.path(), text).unwrap();
    file
}
