//! Larder in one file: rows, a page made of them, a write, and the page that follows the write.
#![expect(clippy::print_stdout, reason = "it shows what happens")]
#![expect(missing_docs, reason = "a model of two columns says what it is")]

use std::error::Error;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::routing::get;
use http_body_util::BodyExt;
use larder::http::{HttpPolicy, Layer};
use larder::sea_orm::{CachedConnection, CachedRepository, Connect};
use larder::{CachedEntity, Larder};
use sea_orm::entity::prelude::*;
use sea_orm::{ConnectOptions, Database, DatabaseConnection, IntoActiveModel, Schema, Set};
use tower::ServiceExt;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, CachedEntity)]
#[sea_orm(table_name = "article")]
#[cached(ttl = "10m", grace = "1m")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i32,
    pub title: String,
}

impl ActiveModelBehavior for ActiveModel {}

type Db = CachedConnection<DatabaseConnection>;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let larder = Larder::builder("quickstart").build()?;
    let db = larder.connect("main", pool().await?).await?;
    let ten_minutes = HttpPolicy::new().ttl(Duration::from_mins(10));
    let layer = larder.http_layer_with(ten_minutes)?;
    let app = Router::new()
        .route("/titles", get(titles))
        .layer(layer.clone())
        .with_state(db.clone());

    show(&app, &db, "the first time").await?;
    show(&app, &db, "from the cache").await?;

    // Plain SeaORM: no key, no tag, no invalidation is named.
    let first = db.repository::<Entity>().find_by_id(1).await?;
    let first = first.ok_or("there is an article")?;
    let mut changed = Model::clone(&first).into_active_model();
    changed.title = Set("How to keep a larder fresh".to_owned());
    changed.update(&db).await?;

    // `cargo run -p quickstart explain` shows why the page must be made anew.
    if std::env::args().any(|argument| argument == "explain") {
        println!("{}", layer.explain(Request::get("/titles").body(())?));
    }

    show(&app, &db, "after the write").await?;
    show(&app, &db, "from the cache").await?;

    for region in larder.snapshot().regions {
        let (hits, misses, gone) = (region.hits, region.misses, region.invalidations);
        println!(
            "{:8} {hits} hits, {misses} misses, {gone} invalidations",
            region.name
        );
    }
    larder.close().await;
    Ok(())
}

/// The page: all titles, read through the repository.
async fn titles(State(db): State<Db>) -> Result<String, String> {
    let articles = db.repository::<Entity>().find(Entity::find()).await;
    let articles = articles.map_err(|error| error.to_string())?;
    let titles: Vec<_> = articles
        .iter()
        .map(|article| article.title.as_str())
        .collect();
    Ok(titles.join(", "))
}

/// Asks for the page and for a row, and prints them with what the cache says of the page.
async fn show(app: &Router, db: &Db, when: &str) -> Result<(), Box<dyn Error>> {
    let request = Request::get("/titles").body(Body::empty())?;
    let answer = app.clone().oneshot(request).await?;
    let said = answer.headers()["cache-status"].to_str()?.to_owned();
    let page = answer.into_body().collect().await?.to_bytes();
    let row = db.repository::<Entity>().find_by_id(1).await?;
    let title = row.as_ref().map(|row| row.title.as_str());
    println!("{when} ({said})");
    println!("    page: {}", String::from_utf8_lossy(&page));
    println!("    row:  {}", title.unwrap_or("none"));
    Ok(())
}

/// A database in memory with one article in it.
async fn pool() -> Result<DatabaseConnection, DbErr> {
    let mut options = ConnectOptions::new("sqlite::memory:");
    options.max_connections(1);
    let pool = Database::connect(options).await?;
    let schema = Schema::new(pool.get_database_backend());
    pool.execute(&schema.create_table_from_entity(Entity))
        .await?;
    let article = ActiveModel {
        title: Set("How to keep a larder".to_owned()),
        ..Default::default()
    };
    article.insert(&pool).await?;
    Ok(pool)
}
