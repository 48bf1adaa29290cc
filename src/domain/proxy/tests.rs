use proptest::prelude::*;

use super::{secret::MtproxyLook, *};

const KEY: &str = "000102030405060708090a0b0c0d0e0f";

fn parse(text: &str) -> Result<Proxy, ProxyError> {
    Proxy::parse(text)
}

/// Protects people who paste what their provider gave them: every form that is in use is read, and shown without its
/// credentials.
#[test]
fn every_form_in_use_is_read() {
    let domain = "7777772e6578616d706c652e636f6d";
    for (text, shown) in [
        ("socks5://proxy.example:1080", "socks5://proxy.example:1080"),
        (
            " SOCKS5://Name:pass@10.0.0.1:1080/ ",
            "socks5://10.0.0.1:1080",
        ),
        (
            "socks5h://n:p%40ss@[2001:db8::1]:9",
            "socks5://[2001:db8::1]:9",
        ),
        (
            "http://n:p@ss@proxy.example:3128",
            "http://proxy.example:3128",
        ),
        ("https://proxy.example:443", "https://proxy.example:443"),
        (
            &format!("mtproxy://h.example:443?secret={KEY}"),
            "mtproxy://h.example:443",
        ),
        (
            &format!("mtproxy://1.2.3.4:443/?secret=dd{KEY}"),
            "mtproxy://1.2.3.4:443",
        ),
        (
            &format!("tg://proxy?server=h.example&port=443&secret=ee{KEY}{domain}"),
            "mtproxy://h.example:443",
        ),
        (
            &format!("https://t.me/proxy?server=h.example.&port=443&secret={KEY}"),
            "mtproxy://h.example:443",
        ),
        (
            "t.me/proxy?server=::1&port=1&secret=AAECAwQFBgcICQoLDA0ODw",
            "mtproxy://[::1]:1",
        ),
        (
            "tg://socks?server=h.example&port=1080&user=n&pass=p",
            "socks5://h.example:1080",
        ),
    ] {
        let proxy = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(proxy.to_string(), shown, "{text}");
        assert_eq!(parse(proxy.address().expose()), Ok(proxy), "{text}");
    }
}

#[test]
fn the_three_looks_of_an_mtproxy_are_told_apart() {
    let look = |secret: &str| MtproxySecret::parse(secret).map(|secret| secret.look);
    assert_eq!(look(KEY), Some(MtproxyLook::Plain));
    assert_eq!(look(&format!("dd{KEY}")), Some(MtproxyLook::Padded));
    assert_eq!(
        look(&format!("ee{KEY}612e6578616d706c65")),
        Some(MtproxyLook::Tls("a.example".to_owned()))
    );
    // The same in Base64, with and without padding, in both alphabets.
    for text in [
        "7gABAgMEBQYHCAkKCwwNDg9hLmV4YW1wbGU",
        "7gABAgMEBQYHCAkKCwwNDg9hLmV4YW1wbGU=",
    ] {
        assert_eq!(look(text), Some(MtproxyLook::Tls("a.example".to_owned())));
    }
    for wrong in [
        "",
        "00",
        &KEY[2..],
        &format!("cc{KEY}"),
        &format!("ee{KEY}"),
        &format!("ee{KEY}0a"),
    ] {
        assert_eq!(look(wrong), None, "{wrong}");
    }
}

/// Protects them from a riddle, and an account from a way that is none.
#[test]
fn what_can_not_be_used_says_why() {
    use ProxyError::{Host, Login, Port, Scheme, Secret};
    for (text, why) in [
        ("", Scheme),
        ("proxy.example:1080", Scheme),
        ("ftp://proxy.example:21", Scheme),
        ("socks5://proxy.example:10\n80", Scheme),
        ("socks5://proxy.example", Port),
        ("socks5://proxy.example:0", Port),
        ("socks5://proxy.example:65536", Port),
        ("socks5://proxy.example:+80", Port),
        ("socks5://proxy.example:1080/path", Port),
        ("socks5://:1080", Host),
        ("socks5://127.1:1080", Host),
        ("socks5://300.0.0.1:1080", Host),
        ("socks5://[::g]:1080", Host),
        ("socks5://a b:1080", Host),
        ("socks5://:p@h.example:1080", Login),
        ("socks5://n%0d:p@h.example:1080", Login),
        ("http://n%:p@h.example:1080", Login),
        ("mtproxy://h.example:443", Secret),
        ("mtproxy://h.example:443?secret=00", Secret),
        ("tg://proxy?server=h.example&port=443", Secret),
        ("tg://proxy?port=443&secret=00", Host),
        ("tg://proxy?server=h.example&secret=00", Port),
    ] {
        assert_eq!(parse(text), Err(why), "{text}");
    }
    let long = "x".repeat(256);
    assert_eq!(parse(&format!("socks5://{long}:p@h.example:1")), Err(Login));
    let many = vec!["socks5://h.example:1"; MOST_PROXIES + 1];
    assert_eq!(Proxy::parse_all(many), Err(ProxyError::TooMany));
}

fn any_proxy() -> impl Strategy<Value = Proxy> {
    let host = prop_oneof![
        "[a-z0-9]([a-z0-9-]{0,10})\\.[a-z]{2,5}",
        any::<std::net::Ipv4Addr>().prop_map(|address| address.to_string()),
        any::<std::net::Ipv6Addr>().prop_map(|address| address.to_string()),
    ];
    let text = || "[^\\p{Cc}]{1,40}";
    let login = proptest::option::of((text(), text()).prop_map(|(user, password)| ProxyLogin {
        user: SecretText::new(user),
        password: SecretText::new(password),
    }));
    let look = prop_oneof![
        Just(MtproxyLook::Plain),
        Just(MtproxyLook::Padded),
        "[a-z]{1,20}\\.[a-z]{2,5}".prop_map(MtproxyLook::Tls),
    ];
    let secret = (any::<[u8; 16]>(), look).prop_map(|(key, look)| MtproxySecret {
        key: zeroize::Zeroizing::new(key),
        look,
    });
    let speaks = prop_oneof![
        login.clone().prop_map(ProxyProtocol::Socks5),
        (any::<bool>(), login).prop_map(|(tls, login)| ProxyProtocol::Http { tls, login }),
        secret.prop_map(ProxyProtocol::Mtproxy),
    ];
    (host, 1_u16.., speaks).prop_map(|(host, port, speaks)| Proxy { host, port, speaks })
}

proptest! {
    /// Protects the way that was stored: it comes back as it went in, whatever stands in the password.
    #[test]
    fn an_address_is_read_as_it_was_written(proxy in any_proxy()) {
        prop_assert_eq!(parse(proxy.address().expose()), Ok(proxy));
    }

    /// Protects the service from anything that can be pasted; and the log from what was.
    #[test]
    fn anything_is_read_or_refused(
        scheme in "(socks5|http|https|mtproxy|tg|)(://)?",
        rest in "\\PC{0,60}",
        query in "(\\?(server|secret|port)=[\\PC]{0,30})?",
    ) {
        let _ = parse(&format!("{scheme}{rest}{query}"));
    }

    #[test]
    fn what_is_shown_holds_no_credentials(proxy in any_proxy()) {
        let (shown, debug) = (proxy.to_string(), format!("{proxy:?} {:?}", proxy.speaks));
        match &proxy.speaks {
            ProxyProtocol::Mtproxy(secret) => {
                prop_assert!(!shown.contains(secret.text().expose()));
                prop_assert!(!debug.contains(secret.text().expose()));
            }
            ProxyProtocol::Socks5(login) | ProxyProtocol::Http { login, .. } => {
                if let Some(login) = login && login.password.expose().len() > 8 {
                    prop_assert!(!shown.contains(login.password.expose()));
                    prop_assert!(!debug.contains(login.password.expose()));
                }
            }
        }
    }
}
