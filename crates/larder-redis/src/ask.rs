//! Commands and their answers, as fred takes and gives them.

use fred::clients::Client;
use fred::error::{Error, ErrorKind};
use fred::interfaces::ClientLike;
use fred::types::config::Options;
use fred::types::{ClusterHash, CustomCommand, Value};

/// One command.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    name: &'static str,
    hash: ClusterHash,
    args: Vec<Value>,
}

/// The answer to one command.
pub(crate) type Answer = Result<Value, Error>;

impl Ask {
    /// A command of a key, which is its first argument.
    pub(crate) fn of_key(name: &'static str, args: Vec<Value>) -> Self {
        let hash = ClusterHash::FirstKey;
        Self { name, hash, args }
    }

    /// A command for whichever node of a cluster keeps `slot`.
    pub(crate) fn at(slot: u16, name: &'static str, args: Vec<Value>) -> Self {
        let hash = ClusterHash::Custom(slot);
        Self { name, hash, args }
    }

    /// A command for any server.
    pub(crate) fn anywhere(name: &'static str, args: Vec<Value>) -> Self {
        let hash = ClusterHash::Random;
        Self { name, hash, args }
    }
}

/// Sends commands in one go and returns their answers, in their order.
pub(crate) async fn send(client: &Client, options: &Options, asks: Vec<Ask>) -> Vec<Answer> {
    let count = asks.len();
    if count == 1 {
        let client = client.with_options(options);
        let mut answers = Vec::with_capacity(1);
        for ask in asks {
            let command = CustomCommand::new_static(ask.name, ask.hash, false);
            answers.push(client.custom(command, ask.args).await);
        }
        return answers;
    }
    let pipeline = client.pipeline().with_options(options);
    for ask in asks {
        let command = CustomCommand::new_static(ask.name, ask.hash, false);
        // It only takes the command, and has nothing to say yet.
        if let Err(error) = pipeline.custom::<Value, _>(command, ask.args).await {
            return vec![Err(error); count];
        }
    }
    let mut answers = pipeline.try_all::<Value>().await;
    if answers.len() != count {
        // One error for all of them.
        let error = answers.pop().and_then(Result::err);
        let error = error.unwrap_or_else(|| Error::new(ErrorKind::Protocol, "answers are missing"));
        answers = vec![Err(error); count];
    }
    answers
}

/// Tells whether an answer is the server's, be it an error.
pub(crate) fn is_answered(answer: &Answer) -> bool {
    match answer {
        Ok(_) => true,
        Err(error) => server_said(error).is_some_and(|code| !NOT_NOW.contains(&code)),
    }
}

/// What a server says that cannot serve anybody for now.
const NOT_NOW: [&str; 4] = ["LOADING", "MASTERDOWN", "CLUSTERDOWN", "READONLY"];

/// Returns the code the server put in front of its error, such as `NOPERM`.
pub(crate) fn server_said(error: &Error) -> Option<&str> {
    let ours = matches!(
        error.kind(),
        ErrorKind::Timeout | ErrorKind::Canceled | ErrorKind::IO | ErrorKind::Routing
    );
    let code = error.details().split(' ').next().unwrap_or_default();
    let is_code = code.len() > 1 && code.bytes().all(|b| b.is_ascii_uppercase());
    (!ours && is_code).then_some(code)
}

/// Returns a text, whatever shape it came in.
pub(crate) fn text(value: &Value) -> Option<String> {
    value.as_string()
}

/// Returns the value beside `name` in a map, or in a list that stands for one.
pub(crate) fn field<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    match value {
        Value::Map(map) => map
            .iter()
            .find(|(key, _)| key.as_bytes() == name.as_bytes())
            .map(|(_, value)| value),
        Value::Array(list) => list
            .chunks_exact(2)
            .find(|pair| pair[0].as_bytes() == Some(name.as_bytes()))
            .map(|pair| &pair[1]),
        _ => None,
    }
}

/// Returns the line `name:` of an INFO.
pub(crate) fn line<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        .map(str::trim_end)
}
