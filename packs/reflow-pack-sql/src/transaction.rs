//! `tpl_sql_transaction`: several statements, all or none.

use reflow_pack_sdk::{Actor, Component, Failure, Instance, Kind, Message, Tick, Value};
use rusqlite::{Connection, TransactionBehavior};

use crate::database::{Database, failure};
use crate::execute::execute;
use crate::template::Template;

pub(crate) fn template() -> Box<dyn Component> {
    Box::new(Template {
        id: "tpl_sql_transaction",
        title: "SQL transaction",
        summary: "Runs a list of SQLite statements, all or none.",
        text: "Every packet is a list of statements, each a text or `{\"sql\": …, \"parameters\": …}`; a Flow runs the \
               `statements` of the config. They run in one transaction that holds the write lock from its start. When one \
               fails everything is undone and the failure tells which one it was.",
        inport: ("statements", "A list of statements, or a Flow."),
        outports: &[("results", "array", "`changes` and `last_insert_rowid` of each statement.")],
        properties: r#"{"statements": {"type": "array", "description": "What a Flow runs."}}"#,
        required: &[],
        make: |config| {
            let statements = config.get("statements").cloned().unwrap_or_default();
            Ok(Instance::new_blocking(Transaction { database: Database::of(config)?, statements, connection: None }))
        },
    })
}

struct Transaction {
    database: Database,
    statements: Value,
    connection: Option<Connection>,
}

impl Actor for Transaction {
    fn setup(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        self.connection = Some(self.database.open(tick.node())?);
        Ok(())
    }

    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let packet = tick.input(0).filter(|message| message.kind() != Kind::Flow).and_then(Message::as_value);
        let statements = packet.unwrap_or_else(|| self.statements.clone());
        let statements = statements.as_array().ok_or("expected a list of statements")?;
        let connection = self.connection.as_mut().ok_or("the database is not open")?;
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(|error| failure(&error))?;
        let mut results = Vec::with_capacity(statements.len());
        for (at, statement) in statements.iter().enumerate() {
            let sql = statement.as_str().or_else(|| statement.get("sql").and_then(Value::as_str));
            let sql =
                sql.ok_or_else(|| Failure::new(format!("statement {at} is neither a text nor an object with `sql`")))?;
            let parameters = statement.get("parameters").unwrap_or(&Value::Null);
            let told =
                |problem: Failure| Failure { message: format!("statement {at}: {}", problem.message), ..problem };
            results.push(execute(&transaction, sql, parameters).map_err(told)?);
        }
        transaction.commit().map_err(|error| failure(&error))?;
        tick.emit(0, Value::from(results));
        Ok(())
    }
}
