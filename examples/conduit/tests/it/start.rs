//! Starting and stopping.

use crate::api::{Api, config};
use crate::databases::{Fresh, fresh};

#[tokio::test]
async fn a_second_start_finds_what_the_first_one_wrote() {
    let Some(database) = fresh().await else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let mut config = config(&database);
    if matches!(database, Fresh::File) {
        config.directory = Some(directory.path().join("100% new?"));
    }
    let api = Api::with(&config).await;
    let ann = api.register("ann").await;
    ann.write("One", &["x"]).await;
    let token = ann.get("/user").await["user"]["token"]
        .as_str()
        .unwrap()
        .to_owned();
    api.stop().await;

    let api = Api::with(&config).await;
    assert_eq!(api.anybody().titles("/articles?tag=x").await.0, ["One"]);
    let ann = api.client("ann", Some(format!("Token {token}")));
    assert_eq!(ann.get("/user").await["user"]["username"], "ann");
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_that_start_at_once_on_a_new_database_both_serve() {
    let Some(database) = fresh().await else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let mut config = config(&database);
    if matches!(database, Fresh::File) {
        config.directory = Some(directory.path().to_owned());
    }
    let (one, two) = tokio::join!(Api::with(&config), Api::with(&config));
    one.register("ann").await.write("One", &[]).await;
    two.register("bob").await.write("Two", &[]).await;
    one.stop().await;
    two.stop().await;
}

#[tokio::test]
async fn a_setting_that_does_not_do_is_named() {
    let with = |change: fn(&mut conduit::Config)| {
        let mut config = config(&Fresh::File);
        change(&mut config);
        async move { conduit::serve(&config).await.unwrap_err().to_string() }
    };
    assert_eq!(
        with(|config| config.listen = "nowhere".to_owned()).await,
        "cannot listen on nowhere"
    );
    assert_eq!(
        with(|config| config.database = Some("sqlite:///no/such/x".to_owned())).await,
        "cannot use the database"
    );
    assert_eq!(
        with(|config| config.hash_memory = 1).await,
        "cannot hash passwords with 1 KiB in 1 passes"
    );
}
