use super::*;

fn parse(text: &str) -> Result<Config, Error> {
    Config::parse(Path::new("/c.toml"), text)
}

fn fault(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

fn full() -> Config {
    Config {
        name: "Alice \"A\" Ünal\\".to_owned(),
        urls: vec!["https://a.example/alice.toml".parse().unwrap()],
        publish: vec!["/srv/www/alice.toml".parse().unwrap(), "!scp - 'a b'".parse().unwrap()],
        nodes: vec!["https://r.example".parse().unwrap(), "file:///media/usb".parse().unwrap()],
        trackers: vec!["https://tracker.example".parse().unwrap()],
        proxy: Some("socks5h://127.0.0.1:9050".to_owned()),
        ca_file: Some("/etc/ca.pem".into()),
        class: Class::Daily,
        listen_budget: 9,
        listen_max: 3,
        pace: 0,
        nodes_per_sync: 8,
        stamp_bits: 28,
        cover: true,
        cover_budget: 1 << 20,
        cover_text: Some("/usr/share/letters.txt".into()),
        trust_clock: true,
        passphrase_command: Some("pass show 'poste'".to_owned()),
        editor: Some("vim -i NONE".to_owned()),
        archive: Archive::Hybrid,
        warn_after: 90,
        attachment_max: 1 << 20,
        hooks: Hooks {
            pre_sync: Some("nmcli radio wifi on".to_owned()),
            post_sync: Some("sed 's/^/\"/' | sort".to_owned()),
            publish: Some("cat >/srv/www/copy.toml".to_owned()),
        },
        expires: [("bob".parse().unwrap(), 86_400)].into(),
    }
}

#[test]
fn rendered_reads_back() {
    for config in [Config::default(), full()] {
        let text = config.render();
        assert_eq!(parse(&text).unwrap(), config, "{text}");
        assert!(text.lines().count() <= 25);
    }
}

#[test]
fn comments_of_the_rendered_default_are_good_lines() {
    let text = Config::default().render();
    let (first, rest) = text.split_once('\n').unwrap();
    assert!(first.starts_with("# "));
    let live: String = rest.lines().map(|line| format!("{}\n", &line[2..])).collect();
    let config = parse(&live).unwrap();
    assert_eq!(config.pace, 4);
    assert_eq!(config.attachment_max, 25 << 20);
    assert_eq!(live.lines().count(), 24, "every key is taught");
}

#[test]
fn missing_file_is_the_default_and_links_are_followed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.toml");
    assert_eq!(Config::read(&path).unwrap(), Config::default());
    std::fs::write(dir.path().join("real"), full().render()).unwrap();
    std::os::unix::fs::symlink("real", &path).unwrap();
    assert_eq!(Config::read(&path).unwrap(), full());
}

#[test]
fn unknown_key_is_named_with_line_and_nearest() {
    let error = parse("name = \"a\"\n\nnode = [\"https://a\"]\n").unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot use /c.toml:3: there is no key `node`, did you mean `nodes`"
    );
    assert_eq!(error.kind(), crate::store::Kind::Config);
    assert!(fault("pase = 4").contains("did you mean `pace`"));
    assert!(fault("zzzzzz = 4").ends_with("there is no key `zzzzzz`"));
}

#[test]
fn keys_of_later_releases_are_refused() {
    assert!(fault("pace_strict = true").contains("this release does not have"));
}

#[test]
fn values_that_cannot_be_are_refused() {
    for (line, why) in [
        ("pace = 129", "from 0 to 128"),
        ("pace = -1", "from 0 to 128"),
        ("pace = 1", "0 or a number from 4 to 128"),
        ("pace = 3", "a first letter takes up to 4 cells"),
        ("pace = \"4\"", "not of type string"),
        ("stamp_bits = 29", "from 0 to 28"),
        ("nodes_per_sync = 0", "from 1 to 8"),
        ("class = \"weekly\"", "\"hourly\" or \"daily\""),
        ("archive = \"pq\"", "\"x25519\" or \"hybrid\""),
        ("trust_clock = 1", "true or false"),
        ("cover = \"on\"", "true or false"),
        ("cover_budget = 400", "a text in quotes"),
        ("cover_text = \"letters.txt\"", "from / on"),
        ("proxy = \"socks5://127.0.0.1:9050\"", "looked up outside the proxy"),
        ("nodes = [\"http://relay.example\"]", "use https://"),
        ("nodes = \"https://relay.example\"", "a list of texts"),
        ("nodes = [1]", "a list of texts"),
        ("urls = [\"file:///srv/a.toml\"]", "https:// address"),
        ("publish = [\"a.toml\"]", "from / on"),
        ("ca_file = \"ca.pem\"", "from / on"),
        ("warn_after = \"3\"", "such as 3h"),
        ("attachment_max = \"25 MB\"", "such as 25 MiB"),
        ("name = \"a\\u0007b\"", "printable"),
        ("hooks = \"notmuch new\"", "a table of commands"),
        ("[hooks]\npost_sync = 1", "a text in quotes"),
        ("[hooks]\npost-sync = \"true\"", "`post-sync`, did you mean `post_sync`"),
        ("pace = 4\npace = 5", "duplicate"),
        ("pace", "/c.toml:1: "),
    ] {
        let said = fault(line);
        assert!(said.contains(why), "{line}: {said}");
    }
    let many = "\"https://a\",".repeat(9);
    assert!(fault(&format!("nodes = [{many}]")).contains("at most 8"));
}

#[test]
fn cut_at_any_length_it_is_read_or_named() {
    let text = full().render();
    for length in (0..text.len()).filter(|at| text.is_char_boundary(*at)) {
        if let Err(error) = parse(&text[..length]) {
            assert!(error.to_string().starts_with("cannot use /c.toml:"), "{error}");
        }
    }
}
