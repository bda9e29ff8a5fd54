//! The client against a server that says exactly what the test wants, when it wants it.

#![expect(clippy::unwrap_used, reason = "a helper that cannot go on fails the test")]

use std::time::{Duration, UNIX_EPOCH};

use qapi_runtime::client::{CAPACITY, Client, ClientError, Heard, Lost, ServerSchema};
use qapi_runtime::json::{self, Parser};
use qapi_runtime::{
    AnyEvent, Decode, Empty, Encode, ErrorClass, Map, OobRequest, Policy, QmpError, Request,
    UnknownEvent, Value, event_data,
};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

/// The server's end.
struct Peer {
    stream: DuplexStream,
    parser: Parser,
}

impl Peer {
    async fn say(&mut self, message: Value) {
        self.write(&json::to_string(&message)).await;
    }

    async fn write(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    /// The next request; `None` when the client has gone.
    async fn hear(&mut self) -> Option<Value> {
        loop {
            if let Some(message) = self.parser.next() {
                return Some(message.unwrap());
            }
            let mut bytes = [0; 1000];
            match self.stream.read(&mut bytes).await.unwrap() {
                0 => return None,
                count => self.parser.feed(&bytes[..count]),
            }
        }
    }

    /// Hears a request that has to be this one; its id.
    async fn hear_call(&mut self, execute: &str, name: &str) -> Value {
        let request = self.hear().await.unwrap();
        assert_eq!(request[execute], name, "{request}");
        request["id"].clone()
    }

    async fn answer(&mut self, id: Value, reply: Value) {
        self.say(json!({"return": reply, "id": id})).await;
    }
}

/// A client that has negotiated out-of-band execution, and its server.
async fn connected() -> (Client, Peer) {
    let (ours, theirs) = duplex(1 << 20);
    let mut peer = Peer { stream: theirs, parser: Parser::new() };
    let greet = async {
        peer.say(json!({"QMP": {"version": {"qemu": {"major": 10, "minor": 0, "micro": 2}},
                                "capabilities": ["oob", "more"]}}))
            .await;
        let request = peer.hear().await.unwrap();
        assert_eq!(
            request,
            json!({"execute": "qmp_capabilities", "arguments": {"enable": ["oob"]}, "id": 0})
        );
        peer.answer(request["id"].clone(), json!({})).await;
    };
    let (client, ()) = tokio::join!(Client::over(ours), greet);
    (client.unwrap(), peer)
}

macro_rules! requests {
    ($($ty:ident $name:literal $reply:ty;)*) => {$(
        struct $ty;
        impl Encode for $ty {
            fn encode_under(&self, _policy: Policy) -> Value {
                Value::Object(Map::new())
            }
        }
        impl Request for $ty {
            const NAME: &'static str = $name;
            const ANSWERED: bool = !matches!($name.as_bytes(), b"leave");
            type Reply = $reply;
        }
        impl OobRequest for $ty {}
    )*};
}

requests! {
    First "first" i64;
    Second "second" Vec<u8>;
    Leave "leave" Empty;
}

#[tokio::test]
async fn greeting_and_negotiation() {
    let (client, _peer) = connected().await;
    assert_eq!(client.greeting().version(), Some((10, 0, 2)));
    assert!(client.greeting().offers("more") && !client.greeting().offers("less"));

    // A server without out-of-band execution is not asked for it, and the client says so.
    let (ours, theirs) = duplex(1000);
    let mut peer = Peer { stream: theirs, parser: Parser::new() };
    let serve = async {
        peer.say(json!({"QMP": {"version": {}, "capabilities": []}})).await;
        assert_eq!(peer.hear().await, Some(json!({"execute": "qmp_capabilities", "id": 0})));
        peer.answer(json!(0), json!({})).await;
    };
    let (client, ()) = tokio::join!(Client::over(ours), serve);
    let client = client.unwrap();
    assert_eq!(client.greeting().version(), None);
    let error = client.execute_oob(First).await.unwrap_err();
    assert_eq!(error.to_string(), "the server does not execute out of band");
}

#[tokio::test]
async fn answers_find_their_requests_in_any_order() {
    let (client, mut peer) = connected().await;
    let serve = async {
        let first = peer.hear_call("execute", "first").await;
        let second = peer.hear_call("execute", "second").await;
        let oob = peer.hear_call("exec-oob", "first").await;
        peer.answer(oob, json!(3)).await;
        // An answer to nobody is passed over.
        peer.answer(json!(77), json!({})).await;
        peer.say(json!({"id": second, "error": {"class": "DeviceNotFound", "desc": "no",
                                                "data": {"a": 1}}}))
            .await;
        // Messages may stand on several lines and come in pieces.
        let text = json::to_string_pretty(&json!({"return": 1, "id": first}));
        for byte in text.chars() {
            peer.write(&byte.to_string()).await;
            tokio::task::yield_now().await;
        }
    };
    let (first, second, oob, ()) = tokio::join!(
        client.execute(First),
        client.execute(Second),
        client.execute_oob(First),
        serve
    );
    assert_eq!((first.unwrap(), oob.unwrap()), (1, 3));
    let error = second.unwrap_err();
    let refusal = QmpError::device_not_found("no").with_data(json!({"a": 1}));
    assert_eq!(error.refusal(), Some(&refusal));
    assert_eq!(error.to_string(), "DeviceNotFound: no");
}

#[tokio::test]
async fn replies_that_are_not_what_the_schema_says() {
    let (client, mut peer) = connected().await;
    let rows = [
        (json!([1, 300]), "reply of second: member 'return[1]': expected uint8_t"),
        (json!({}), "reply of second: expected array"),
    ];
    for (reply, expected) in rows {
        let serve = async {
            let id = peer.hear_call("execute", "second").await;
            peer.answer(id, reply.clone()).await;
        };
        let (result, ()) = tokio::join!(client.execute(Second), serve);
        let error = result.unwrap_err();
        assert_eq!(error.to_string(), expected);
        // What came is not lost.
        assert!(matches!(error, ClientError::Unreadable(unreadable) if unreadable.value == reply));
    }
    // A class of a later protocol counts as the general one.
    let serve = async {
        let id = peer.hear_call("execute", "raw").await;
        peer.say(json!({"id": id, "error": {"class": "New", "desc": "no"}})).await;
    };
    let (result, ()) = tokio::join!(client.execute_raw("raw", Map::new()), serve);
    assert_eq!(result.unwrap_err().refusal().unwrap().class, ErrorClass::GenericError);
}

#[tokio::test]
async fn a_dropped_future_confuses_nothing() {
    let (client, mut peer) = connected().await;
    let hasty = tokio::time::timeout(Duration::ZERO, client.execute(First)).await;
    assert!(hasty.is_err());
    let serve = async {
        let abandoned = peer.hear_call("execute", "first").await;
        let wanted = peer.hear_call("execute", "first").await;
        peer.answer(abandoned, json!("for nobody")).await;
        peer.answer(wanted, json!(2)).await;
    };
    let (result, ()) = tokio::join!(client.execute(First), serve);
    assert_eq!(result.unwrap(), 2);
}

#[tokio::test]
async fn everybody_hears_why_the_connection_is_lost() {
    let rows = [
        ("", "the connection is lost: the server closed it"),
        ("{'return'", "the connection is lost: the server closed it in the middle of a message"),
        (
            "{]",
            "the connection is lost: the server does not speak QMP: JSON parse error, expecting value",
        ),
        ("[1]", "the connection is lost: the server does not speak QMP: [1]"),
        (
            "{'return': 1, 'error': {}, 'id': 1}",
            "the connection is lost: the server does not speak QMP: \
             {\"return\": 1, \"error\": {}, \"id\": 1}",
        ),
        (
            "{'error': {'class': 'GenericError', 'desc': 'JSON parse error'}}",
            "the connection is lost: the server does not speak QMP: \
             {\"error\": {\"class\": \"GenericError\", \"desc\": \"JSON parse error\"}}",
        ),
    ];
    for (last_words, expected) in rows {
        let (client, mut peer) = connected().await;
        let mut events = client.events::<UnknownEvent>();
        let serve = async {
            peer.hear_call("execute", "first").await;
            peer.hear_call("execute", "second").await;
            peer.write(last_words).await;
            drop(peer);
        };
        let (first, second, ()) =
            tokio::join!(client.execute(First), client.execute(Second), serve);
        assert_eq!(first.unwrap_err().to_string(), expected);
        assert_eq!(second.unwrap_err().to_string(), expected);
        assert_eq!(client.execute(First).await.unwrap_err().to_string(), expected);
        assert!(events.next().await.is_none());
        assert!(client.events::<UnknownEvent>().next().await.is_none());
    }
}

#[tokio::test]
async fn whoever_does_not_greet_is_no_server() {
    for (words, expected) in [("", "the server closed it"), ("SSH-2.0\r\n", "speak QMP")] {
        let (ours, mut theirs) = duplex(1000);
        theirs.write_all(words.as_bytes()).await.unwrap();
        drop(theirs);
        let error = Client::over(ours).await.unwrap_err();
        assert!(matches!(error, ClientError::Lost(_)), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
    let error = Client::unix("/nowhere/at/all").await.unwrap_err();
    assert!(matches!(error, ClientError::Connect(_)), "{error}");
}

/// What a server wrote before it went is read even if it no longer listens.
#[tokio::test]
async fn the_last_words_are_heard() {
    let (client, mut peer) = connected().await;
    let serve = async {
        let first = peer.hear_call("execute", "first").await;
        peer.answer(first, json!(1)).await;
        drop(peer);
    };
    let (first, second, ()) = tokio::join!(client.execute(First), client.execute(Second), serve);
    assert_eq!(first.unwrap(), 1);
    assert!(matches!(second.unwrap_err(), ClientError::Lost(Lost::Closed)));
}

#[tokio::test]
async fn success_that_is_not_answered() {
    // The end of the connection is the success of a command that ends the server.
    let (client, mut peer) = connected().await;
    let serve = async {
        peer.hear_call("execute", "leave").await;
        drop(peer);
    };
    let (result, ()) = tokio::join!(client.execute(Leave), serve);
    assert_eq!(result.unwrap(), Empty {});

    // So is the answer to a later one; a refusal is answered as ever.
    let (client, mut peer) = connected().await;
    let serve = async {
        peer.hear_call("execute", "leave").await;
        let first = peer.hear_call("execute", "first").await;
        peer.answer(first, json!(1)).await;
        let second = peer.hear_call("execute", "leave").await;
        peer.say(json!({"id": second, "error": {"class": "GenericError", "desc": "no"}})).await;
    };
    let calls = async {
        let (left, first) = tokio::join!(client.execute(Leave), client.execute(First));
        assert_eq!((left.unwrap(), first.unwrap()), (Empty {}, 1));
        client.execute(Leave).await
    };
    let (result, ()) = tokio::join!(calls, serve);
    assert_eq!(result.unwrap_err().to_string(), "GenericError: no");
}

/// A server takes eight requests and stops reading: what is out of band must get through.
#[tokio::test]
async fn a_crowd_does_not_hold_up_what_is_out_of_band() {
    let (client, mut peer) = connected().await;
    let crowd: Vec<_> = (0..12)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.execute(First).await })
        })
        .collect();
    let mut ids = Vec::new();
    for _ in 0..8 {
        ids.push(peer.hear_call("execute", "first").await);
    }
    let serve = async {
        // The ninth would come now if it came.
        let oob = peer.hear_call("exec-oob", "second").await;
        peer.answer(oob, json!([])).await;
        for _ in 0..4 {
            peer.answer(ids.remove(0), json!(1)).await;
            ids.push(peer.hear_call("execute", "first").await);
        }
        for id in ids {
            peer.answer(id, json!(1)).await;
        }
    };
    let (result, ()) = tokio::join!(client.execute_oob(Second), serve);
    assert_eq!(result.unwrap(), Vec::<u8>::new());
    for one in crowd {
        assert_eq!(one.await.unwrap().unwrap(), 1);
    }
}

#[derive(Debug, PartialEq)]
enum Lamp {
    Lit(Hours),
    Unknown(UnknownEvent),
}

#[derive(Debug, PartialEq)]
struct Hours(u8);

impl Decode for Hours {
    fn decode(
        value: &Value,
        at: &qapi_runtime::Path<'_>,
        mode: qapi_runtime::Mode,
    ) -> Result<Self, QmpError> {
        let hours = value.get("hours").unwrap_or(&Value::Null);
        u8::decode(hours, &at.member("hours"), mode).map(Self)
    }
}

impl AnyEvent for Lamp {
    fn read(name: &str, data: &Value) -> Result<Self, QmpError> {
        match name {
            "LIT" => event_data(data).map(Self::Lit),
            _ => UnknownEvent::read(name, data).map(Self::Unknown),
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Lit(_) => "LIT",
            Self::Unknown(event) => &event.name,
        }
    }
}

fn event(name: &str, seconds: u64) -> Value {
    json!({"event": name, "timestamp": {"seconds": seconds, "microseconds": 5}})
}

#[tokio::test]
async fn events() {
    let (client, mut peer) = connected().await;
    let (mut typed, mut raw) = (client.events::<Lamp>(), client.events::<UnknownEvent>());
    peer.say(json!({"event": "LIT", "data": {"hours": 1, "new": 1},
                    "timestamp": {"seconds": 7, "microseconds": 5}}))
        .await;
    peer.say(event("SUNG", 8)).await;
    peer.say(json!({"event": "LIT", "data": {"hours": "x"},
                    "timestamp": {"seconds": -1, "microseconds": -1}}))
        .await;
    let at = UNIX_EPOCH + Duration::new(7, 5000);
    let heard = typed.next().await.unwrap().unwrap();
    assert_eq!(heard, Heard { event: Lamp::Lit(Hours(1)), at });
    let heard = typed.next().await.unwrap().unwrap();
    let sung = UnknownEvent { name: "SUNG".into(), data: json!({}) };
    assert_eq!(heard.event, Lamp::Unknown(sung));
    let error = typed.next().await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "event LIT: member 'hours': expected uint64");
    // Without a type every event can be read, and each listener hears all of them.
    let names = [raw.next().await, raw.next().await, raw.next().await];
    assert_eq!(names.map(|heard| heard.unwrap().unwrap().event.name), ["LIT", "SUNG", "LIT"]);
    // The client may go; its events keep the connection.
    drop(client);
    peer.say(event("SUNG", 9)).await;
    assert_eq!(raw.next().await.unwrap().unwrap().event.name(), "SUNG");
    drop((raw, typed));
    assert_eq!(peer.hear().await, None);
}

#[tokio::test]
async fn a_listener_that_does_not_listen() {
    let (client, mut peer) = connected().await;
    let mut events = client.events::<UnknownEvent>();
    let flood = u64::try_from(CAPACITY).unwrap() + 3;
    for seconds in 0..flood {
        peer.say(event("TICK", seconds)).await;
    }
    // Replies come all the same, and in their place behind the events.
    let serve = async {
        let id = peer.hear_call("execute", "first").await;
        peer.answer(id, json!(1)).await;
    };
    let (reply, ()) = tokio::join!(client.execute(First), serve);
    assert_eq!(reply.unwrap(), 1);
    let seconds = |heard: Heard<UnknownEvent>| {
        heard.at.duration_since(UNIX_EPOCH).map(|since| since.as_secs()).unwrap()
    };
    for expected in 0..u64::try_from(CAPACITY).unwrap() {
        assert_eq!(seconds(events.next().await.unwrap().unwrap()), expected);
    }
    // Now there is room again, and the gap is told where it is.
    peer.say(event("TICK", 5000)).await;
    let gap = events.next().await.unwrap().unwrap_err();
    assert!(matches!(gap, ClientError::Missed(3)), "{gap}");
    assert_eq!(seconds(events.next().await.unwrap().unwrap()), 5000);
}

#[tokio::test]
async fn what_the_server_has() {
    let (client, mut peer) = connected().await;
    let serve = async {
        let id = peer.hear_call("execute", "query-qmp-schema").await;
        let schema = json!([
            {"name": "add", "meta-type": "command", "arg-type": "0", "ret-type": "[1]",
             "allow-oob": true, "features": ["unstable"]},
            {"name": "GONE", "meta-type": "event", "arg-type": "1", "features": ["deprecated"]},
            {"name": "0", "meta-type": "object", "tag": "kind",
             "members": [{"name": "kind", "type": "2"},
                         {"name": "list", "type": "[[1]]", "default": null, "features": ["new"]}],
             "variants": [{"case": "bulb", "type": "3"}, {"case": "none", "type": "4"}]},
            {"name": "1", "meta-type": "object", "members": [{"name": "way", "type": "5"},
                                                             {"name": "self", "type": "1"}]},
            {"name": "2", "meta-type": "enum",
             "members": [{"name": "bulb"}, {"name": "none", "features": ["old"]}]},
            {"name": "3", "meta-type": "object", "members": [{"name": "hours", "type": "int"}]},
            {"name": "4", "meta-type": "object", "members": []},
            {"name": "5", "meta-type": "alternate", "members": [{"type": "2"}, {"type": "3"}]},
            {"name": "[1]", "meta-type": "array", "element-type": "1"},
            {"name": "[[1]]", "meta-type": "array", "element-type": "[1]"},
            {"name": "[*]", "meta-type": "array", "element-type": "[*]"},
            {"name": "loop", "meta-type": "command", "arg-type": "[*]", "ret-type": "missing"},
        ]);
        peer.answer(id, schema).await;
    };
    let (schema, ()) = tokio::join!(client.schema(), serve);
    let schema = schema.unwrap();
    assert_eq!(schema.commands().collect::<Vec<_>>(), ["add", "loop"]);
    assert_eq!(schema.events().collect::<Vec<_>>(), ["GONE"]);
    assert!(schema.has_command("add") && !schema.has_command("GONE") && !schema.has_command("0"));
    assert!(schema.has_event("GONE") && !schema.has_event("add"));
    let add = schema.command("add").unwrap();
    assert!(add.allows_oob() && add.has_feature("unstable") && !add.has_feature("deprecated"));
    let has = |path| add.argument(path).is_some();
    let rows = [
        ("kind", true),
        ("list", true),
        ("hours", true),
        ("list.way", true),
        ("list.self.self.way.hours", true),
        ("way", false),
        ("kind.bulb", false),
        ("", false),
        ("list.", false),
        (".list", false),
    ];
    for (path, expected) in rows {
        assert_eq!(has(path), expected, "{path}");
    }
    let kind = add.argument("kind").unwrap();
    assert!(kind.accepts("bulb") && !kind.accepts("laser") && !kind.is_optional());
    assert!(kind.value_has_feature("none", "old") && !kind.value_has_feature("bulb", "old"));
    let list = add.argument("list").unwrap();
    assert!(list.is_optional() && list.has_feature("new") && !list.accepts("bulb"));
    assert!(add.reply("way").unwrap().accepts("none"));
    let gone = schema.event("GONE").unwrap();
    assert!(gone.has_feature("deprecated") && gone.data("self.self").is_some());
    assert!(schema.command("loop").unwrap().argument("a").is_none());
    for nonsense in [json!({}), json!([1]), json!([{"name": 1}])] {
        let error = ServerSchema::new(&nonsense).unwrap_err().to_string();
        assert_eq!(error, "reply of query-qmp-schema: expected a list of objects with names");
    }
}
