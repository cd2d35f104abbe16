use super::*;

const GOOD: &str = "key_file = \"node.key\"\n[relay]\nlisten = \"127.0.0.1:8080\"\n\
                    store = \"dir:/run/posted/store\"\n";

const IDENTITY: &str = "[identity]\nlisten = \"127.0.0.1:8081\"\ndir = \"cards\"\n";

fn error(text: &str) -> String {
    parse(text, Path::new("posted.toml")).unwrap_err().to_string()
}

#[test]
fn defaults() {
    let config = parse(GOOD, Path::new("posted.toml")).unwrap();
    let relay = config.relay.unwrap();
    assert_eq!((relay.capacity, relay.connections), (1 << 30, 1024));
    assert!(!relay.allow_disk && config.log == Log::All);
}

#[test]
fn nothing_is_counted_by_default_where_clients_cannot_be_told_apart() {
    let rules = |text: &str| parse(text, Path::new("posted.toml")).unwrap().relay.unwrap().rules();
    let all = Rules { ban_floor: Some(1 << 30), upload_per_hour: Some(64 << 20) };
    assert_eq!(rules(GOOD), Rules::default());
    assert_eq!(rules(&format!("{GOOD}proxies = [\"127.0.0.1\"]\n")), all);
    assert_eq!(rules(&format!("{GOOD}proxy_protocol = true\n")), all);
    let tls = GOOD.replace("127.0.0.1", "0.0.0.0") + "tls_cert = \"a\"\ntls_key = \"b\"\n";
    assert_eq!(rules(&tls), all);
    let floor = Rules { ban_floor: Some(5 << 20), upload_per_hour: None };
    assert_eq!(rules(&format!("{GOOD}ban_floor = \"5 MiB\"\n")), floor);
}

#[test]
fn cards_are_counted_as_the_longest_and_by_networks_that_can_be_told_apart() {
    let identity = |text: &str| parse(text, Path::new("posted.toml")).unwrap().identity.unwrap();
    let alone = identity(IDENTITY);
    assert_eq!((alone.most(), alone.allowance()), (65_536, None));
    let told = identity(&format!("{IDENTITY}proxy_protocol = true\ncapacity = \"1 MiB\"\n"));
    assert_eq!((told.most(), told.allowance()), (64, Some(100)));
    assert_eq!(identity(&format!("{IDENTITY}put_per_day = 5\n")).allowance(), Some(5));
}

#[test]
fn every_key_is_listed_for_the_nearest_name() {
    let tables = [
        ("zz = 1", &KEYS[..]),
        ("[relay]\nzz = 1", &RELAY_KEYS),
        ("[tracker]\nzz = 1", &tracker::KEYS),
        ("[identity]\nzz = 1", &identity::KEYS),
    ];
    for (text, keys) in tables {
        let message = toml::from_str::<Config>(text).unwrap_err().message().to_owned();
        let known: Vec<_> = message.split('`').skip(3).step_by(2).collect();
        assert_eq!(known, keys, "{message}");
    }
}

#[test]
fn mistakes_are_named_with_their_line() {
    for (line, wanted) in [
        ("capcity = 5", "posted.toml:5: unknown key \"capcity\": did you mean \"capacity\"?"),
        ("capacity = \"5 apples\"", "posted.toml:5: capacity: bytes"),
        ("capacity = 5", "posted.toml:5: capacity: bytes"),
        ("connections = 0", "posted.toml:5: connections: from 1"),
        ("trackers = [\"bob\"]", "posted.toml:5: trackers: \"bob\": an address begins with"),
        ("trackers = [\"https://t.example\"]", "posted.toml: trackers without url: a report"),
        ("ban_floor = 5", "posted.toml:5: ban_floor: bytes"),
        ("upload_per_hour = \"\"", "posted.toml:5: upload_per_hour: bytes"),
        ("proxies = [\"bob\"]", "posted.toml:5: proxies: \"bob\": not an address such as"),
        ("[tracker]", "posted.toml:5: missing field `listen`"),
        ("[tracker]\nallow = true", "posted.toml:6: unknown key \"allow\": did you mean \"allow_p"),
        ("tls_cert = \"a\"", "posted.toml: tls_cert and tls_key go together"),
        ("admin = \"0.0.0.0:1\"", "posted.toml: admin = \"0.0.0.0:1\": must be a loopback"),
        ("= 5", "posted.toml:5: "),
        ("q = 5", "posted.toml:5: unknown key \"q\": the keys here are listen url"),
    ] {
        let error = error(&format!("{GOOD}{line}\n"));
        assert!(error.starts_with(wanted), "{line}: {error}");
    }
    let public = GOOD.replace("127.0.0.1", "0.0.0.0");
    assert!(error(&public).contains("plain HTTP is for loopback only"));
    let redis = |store: &str| GOOD.replace("dir:/run/posted/store", store);
    assert!(error(&redis("redis:a")).starts_with("posted.toml:4: store: must be \"redis://HOST"));
    assert!(error(&redis("bob")).starts_with("posted.toml:4: store: must be \"dir:DIRECTORY\" or"));
    let disk = redis("redis://a:1,b:2") + "allow_disk = true\n";
    assert!(error(&disk).starts_with("posted.toml: allow_disk is for a directory alone"));
    let wrong = GOOD.replace("key_file = \"node.key\"\n", "");
    assert!(error(&wrong).starts_with("posted.toml: key_file is missing"));
    for (line, wanted) in [
        ("put_per_dya = 5", "unknown key \"put_per_dya\": did you mean \"put_per_day\"?"),
        ("put_per_day = 0", "put_per_day: from 1"),
        ("capacity = \"1 KiB\"", "capacity: bytes"),
    ] {
        let error = error(&format!("{IDENTITY}{line}\n"));
        assert!(error.starts_with(&format!("posted.toml:4: {wanted}")), "{line}: {error}");
    }
    let public = IDENTITY.replace("127.0.0.1", "0.0.0.0");
    assert!(error(&public).contains("plain HTTP is for loopback only"));
    let wrong = GOOD.replace("127.0.0.1:8080", "localhost");
    assert!(error(&wrong).starts_with("posted.toml:3: "), "{}", error(&wrong));
    let nameless = error("nam = \"a\"\n");
    assert!(nameless.contains("did you mean \"name\"?"), "{nameless}");
}

#[test]
fn the_example_and_the_manual_have_every_key() {
    let example = include_str!("../../../examples/posted.toml");
    parse(example, Path::new("posted.toml")).unwrap();
    let example: toml::Table = example.parse().unwrap();
    let manual = include_str!("../../../man/posted.8");
    let words: Vec<&str> = manual.split([' ', '\n']).collect();
    let table = |name: &str| example[name].as_table().unwrap();
    for (shown, keys) in [
        (&example, &KEYS[..]),
        (table("relay"), &RELAY_KEYS),
        (table("tracker"), &tracker::KEYS),
        (table("identity"), &identity::KEYS),
    ] {
        for key in keys {
            let written = [(*key).to_owned(), format!("[{key}]")];
            assert!(written.iter().any(|w| words.contains(&w.as_str())), "posted.8 lacks {key}");
            assert!(*key == "allow_disk" || shown.contains_key(*key), "the example lacks {key}");
        }
    }
}

#[test]
fn paths_are_relative_to_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("posted.toml");
    std::fs::write(&path, GOOD).unwrap();
    let config = read(&path).unwrap();
    assert_eq!(config.key_file, Some(dir.path().join("node.key")));
    std::fs::write(&path, IDENTITY).unwrap();
    assert_eq!(read(&path).unwrap().identity.unwrap().dir, dir.path().join("cards"));
}
