//! The packs below `packs/`: built, loaded and run.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::*;
use reflow_pack::load_pack;
use reflow_runtime::{Endpoint, Frame, Message, Network, RunReport, StreamWriter, Value, block_until};

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Runs one node on one packet.
fn once(template: &str, config: &Value, packet: Message, port: &str) -> (Vec<Message>, RunReport) {
    let inport = match template {
        "tpl_sql_insert" => "rows",
        "tpl_sql_schema" => "trigger",
        "tpl_sql_transaction" => "statements",
        _ => "parameters",
    };
    let mut network = network(&[("node", template, &config.to_json_string())], &[]);
    network.add_initial(Endpoint::new("node", inport), packet);
    run(&mut network, &format!("node.{port}"))
}

#[test]
fn the_sql_pack_stores_and_finds_rows() {
    let bundle = shared().join(format!("sql-{}.rflpack", std::process::id()));
    let from = here("../../packs/reflow-pack-sql");
    tool(&["build", from.to_str().unwrap(), "--profile", "dev", "--output", bundle.to_str().unwrap()]);
    let pack = load_pack(&bundle, &options()).unwrap();
    assert_eq!(pack.name, "reflow.pack.sql");
    assert_eq!(
        pack.templates,
        ["tpl_sql_execute", "tpl_sql_insert", "tpl_sql_query", "tpl_sql_schema", "tpl_sql_transaction"]
    );

    let home = tempfile::tempdir().unwrap();
    let database = home.path().join("data.db");
    let with = |more: &str| json(more).merged_with(&Value::object([("database", database.to_str().unwrap())]));
    let table = "CREATE TABLE bird(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, weight REAL, egg BLOB)";

    // Bulk insert: all or none.
    let insert = with(&format!(r#"{{"table": "bird", "setup": "{table}"}}"#));
    let rows =
        json(r#"[{"name":"wren","weight":9.5,"egg":{"hex":"00ff"}},{"name":"rook"},{"name":"owl","weight":350}]"#);
    let (outputs, report) = once("tpl_sql_insert", &insert, Message::from_value(rows), "result");
    assert_eq!(outputs, [Message::Object(json(r#"{"inserted":3}"#))], "{report:#?}");
    let again = with(r#"{"table": "bird", "on_conflict": "abort"}"#);
    let (outputs, report) =
        once("tpl_sql_insert", &again, Message::from_value(json(r#"[{"name":"kiwi"},{"name":"owl"}]"#)), "result");
    assert!(outputs.is_empty());
    let failure = &report.failures[0].failure;
    assert!(failure.message.starts_with("row 1: UNIQUE") && &*failure.reason == "constraint", "{failure:?}");

    // Query: by position, by name, alone; rows, one by one, and as a stream.
    let query = with(r#"{"sql": "SELECT name, weight, egg FROM bird WHERE weight < ?1 ORDER BY id"}"#);
    let (outputs, _) = once("tpl_sql_query", &query, 10.into(), "rows");
    assert_eq!(outputs, [Message::from_value(json(r#"[{"egg":{"hex":"00ff"},"name":"wren","weight":9.5}]"#))]);
    let named = with(r#"{"sql": "SELECT count(*) AS n FROM bird WHERE name LIKE :like", "parameters": {"like": "%"}}"#);
    for (packet, count) in [(Message::Flow, 3_i64), (Message::Object(json(r#"{"like":"w%"}"#)), 1)] {
        let (outputs, report) = once("tpl_sql_query", &named, packet, "rows");
        assert_eq!(outputs, [Message::Array(vec![Value::object([("n", count)])].into())], "{report:#?}");
    }
    let wrong = once("tpl_sql_query", &query, Message::from_value(json("[1, 2]")), "rows").1;
    assert!(wrong.failures[0].failure.message.contains("takes 1 parameters, and there are 2"), "{wrong:#?}");
    let each = with(r#"{"sql": "SELECT name FROM bird ORDER BY name", "deliver": "each"}"#);
    let (outputs, _) = once("tpl_sql_query", &each, Message::Flow, "row");
    let names: Vec<Message> =
        ["owl", "rook", "wren"].map(|name| Message::Object(Value::object([("name", name)]))).into();
    assert_eq!(outputs, names);
    assert_eq!(
        stream_of(&with(r#"{"sql": "SELECT id FROM bird ORDER BY id", "deliver": "stream", "buffer": 1}"#)),
        "{\"id\":1}\n{\"id\":2}\n{\"id\":3}\n"
    );

    // A transaction takes effect as a whole, or not.
    let (outputs, _) = once(
        "tpl_sql_transaction",
        &with("{}"),
        Message::from_value(json(
            r#"["DELETE FROM bird WHERE name = 'owl'", {"sql": "UPDATE bird SET weight = ? WHERE name = ?", "parameters": [1, "rook"]}]"#,
        )),
        "results",
    );
    assert!(outputs[0].to_value().at(1).unwrap().get("changes") == Some(&1_i64.into()), "{outputs:?}");
    let (_, report) = once(
        "tpl_sql_transaction",
        &with("{}"),
        Message::from_value(json(r#"["DELETE FROM bird", "nonsense"]"#)),
        "results",
    );
    assert!(report.failures[0].failure.message.starts_with("statement 1: near"), "{report:#?}");
    let left = with(r#"{"sql": "SELECT * FROM bird", "read_only": true}"#);
    assert_eq!(once("tpl_sql_query", &left, Message::Flow, "count").0, [2.into()]);

    let (outputs, _) = once("tpl_sql_schema", &with("{}"), Message::Flow, "schema");
    let schema = outputs[0].to_value();
    let column = schema.get("tables").unwrap().at(0).unwrap().get("columns").unwrap().at(1).unwrap().clone();
    assert_eq!(column, json(r#"{"default":null,"name":"name","not_null":true,"primary_key":0,"type":"TEXT"}"#));

    let execute = with(r#"{"sql": "INSERT INTO bird(name) VALUES (?)"}"#);
    let (outputs, _) = once("tpl_sql_execute", &execute, "dodo".into(), "result");
    assert_eq!(outputs[0].to_value().get("changes"), Some(&1_i64.into()));
    let unknown = network(&[("q", "tpl_sql_query", r#"{"sql": "SELECT 1", "databse": "x"}"#)], &[]).check();
    assert!(unknown[0].to_string().contains("config: `database` is missing"), "{unknown:?}");
}

/// The lines of the stream that a query answers with, read while the network runs.
fn stream_of(config: &Value) -> String {
    let mut network: Network = network(&[("query", "tpl_sql_query", &config.to_json_string())], &[]);
    network.add_initial(Endpoint::new("query", "parameters"), Message::Flow);
    let running = network.start().unwrap();
    let listener = running.listen("query", "stream", 1).unwrap();
    let Some(Some(Message::StreamHandle(handle))) = block_until(None, |cx| listener.poll_next(cx)) else {
        panic!("no stream")
    };
    let reader = handle.take().unwrap();
    let mut text = String::new();
    while let Some(Some(frame)) = block_until(None, |cx| reader.poll_read(cx)).map(Some) {
        match frame {
            Some(Frame::Data(bytes)) => text += std::str::from_utf8(&bytes).unwrap(),
            Some(_) => {}
            None => break,
        }
    }
    running.shutdown(std::time::Duration::from_secs(5));
    text
}

#[test]
fn the_example_in_c_counts_words_and_sums_streams() {
    let directory = tempfile::tempdir().unwrap();
    let library = directory.path().join("libexample.so");
    let from = here("../../packs/example-c");
    compile(&std::fs::read_to_string(from.join("pack.c")).unwrap(), &here("../reflow-pack-sdk/include"), &library);
    let bundle = directory.path().join("example.rflpack");
    let (from, to) = (from.to_str().unwrap(), bundle.to_str().unwrap());
    tool(&["build", from, "--library", library.to_str().unwrap(), "--output", to]);
    load_pack(&bundle, &options()).unwrap();

    let mut words = network(&[("words", "example_c_words", r#"{"shortest": 3}"#)], &[]);
    for text in ["one or two  three", "", "it is"] {
        words.add_initial(Endpoint::new("words", "text"), text);
    }
    assert_eq!(integers(&run(&mut words, "words.total").0), [3, 3, 3]);

    let writer = StreamWriter::new(0, "", "", None);
    let mut sum = network(&[("sum", "example_c_checksum", "")], &[]);
    sum.add_initial(Endpoint::new("sum", "stream"), Message::StreamHandle(writer.handle(None).unwrap()));
    for frame in [Frame::Data(b"Wiki".to_vec().into()), Frame::Data(b"pedia".to_vec().into()), Frame::End] {
        let mut frame = Some(frame);
        block_until(None, |cx| writer.poll_write(cx, &mut frame)).unwrap().unwrap();
    }
    assert_eq!(integers(&run(&mut sum, "sum.checksum").0), [0x11e6_0398]);
}
