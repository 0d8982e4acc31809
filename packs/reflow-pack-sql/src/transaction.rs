//! `tpl_sql_transaction`: several statements, all or none.

use reflow_pack_sdk::prelude::*;
use rusqlite::{Connection, TransactionBehavior};

use crate::database::{Database, failure};
use crate::execute::execute;

/// Runs a list of SQLite statements, all or none.
///
/// Every packet is a list of statements, each a text or `{"sql": …, "parameters": …}`; a Flow runs the `statements` of the config.
/// They run in one transaction that holds the write lock from its start. When one fails everything is undone and the failure tells
/// which one it was.
#[derive(Component)]
#[component(id = "tpl_sql_transaction", title = "SQL transaction", category = "sql", blocking)]
#[inport(statements: Either<List, Flow>, "A list of statements, or a Flow.")]
#[outport(results: List, "`changes` and `last_insert_rowid` of each statement.")]
pub(crate) struct Transaction {
    #[config(group)]
    database: Database,
    /// What a Flow runs.
    #[config]
    statements: Vec<Value>,
    #[state]
    connection: Option<Connection>,
}

impl Actor for Transaction {
    fn setup(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        self.connection = Some(self.database.open(tick.node())?);
        Ok(())
    }

    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let packet =
            tick.input(Self::IN_STATEMENTS).filter(|message| message.kind() != Kind::Flow).and_then(Message::as_value);
        let statements = packet.unwrap_or_else(|| self.statements.clone().into());
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
        tick.emit(Self::OUT_RESULTS, Value::from(results));
        Ok(())
    }
}
