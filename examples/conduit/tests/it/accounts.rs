//! Registering, logging in and one's own account.

use serde_json::json;

use crate::api::Api;

#[tokio::test]
async fn a_registered_user_logs_in_and_is_shown_to_itself() {
    let Some(api) = Api::start().await else {
        return;
    };
    let user = json!({"username": "ann", "email": "ann@mail.com", "password": "password"});
    let registered = api.anybody().post("/users", json!({"user": user})).await;
    assert_eq!(registered.status, 201);

    let credentials = json!({"email": "ann@mail.com", "password": "password"});
    let logged_in = api
        .anybody()
        .post("/users/login", json!({"user": credentials}))
        .await;
    assert_eq!(logged_in.status, 200);

    // Both tokens of this second are good, in either scheme.
    for (answer, scheme) in [
        (&registered, "Token"),
        (&logged_in, "Token"),
        (&logged_in, "Bearer"),
    ] {
        let token = answer["user"]["token"].as_str().unwrap();
        let current = api
            .client("ann", Some(format!("{scheme} {token}")))
            .get("/user")
            .await;
        assert_eq!(current.status, 200);
        assert_eq!(current["user"]["username"], "ann");
        assert_eq!(current["user"]["email"], "ann@mail.com");
        assert!(current["user"]["bio"].is_null() && current["user"]["image"].is_null());
        assert!(current["user"]["token"].is_string());
    }
}

#[tokio::test]
async fn registering_names_each_field_that_is_taken() {
    let Some(api) = Api::start().await else {
        return;
    };
    api.register("ann").await;
    let anybody = api.anybody();

    let user = json!({"username": "ann", "email": "new@mail.com", "password": "password"});
    let answer = anybody.post("/users", json!({"user": user})).await;
    assert_eq!(
        (answer.status, answer.error("username")),
        (422, "has already been taken")
    );
    assert_eq!(answer.error("email"), "");

    let user = json!({"username": "ann", "email": "ANN@mail.com", "password": "password"});
    let answer = anybody.post("/users", json!({"user": user})).await;
    assert_eq!(
        (answer.status, answer.error("username")),
        (422, "has already been taken")
    );
    assert_eq!(answer.error("email"), "has already been taken");
}

#[tokio::test]
async fn names_that_differ_in_case_or_accent_are_different_names() {
    let Some(api) = Api::start().await else {
        return;
    };
    for name in ["rene", "Rene", "ren\u{e9}"] {
        let user = json!({"username": name, "email": format!("{}@mail.com", name.len() + usize::from(name == "Rene") * 9), "password": "p"});
        let answer = api.anybody().post("/users", json!({"user": user})).await;
        assert_eq!(answer.status, 201, "{answer:?}");
    }
}

#[tokio::test]
async fn blank_and_missing_fields_are_named() {
    let Some(api) = Api::start().await else {
        return;
    };
    let answer = api
        .anybody()
        .post(
            "/users",
            json!({"user": {"username": "  ", "email": "nobody"}}),
        )
        .await;
    assert_eq!(answer.status, 422);
    assert_eq!(answer.error("username"), "can't be blank");
    assert_eq!(answer.error("email"), "is invalid");
    assert_eq!(answer.error("password"), "can't be blank");

    let user = json!({"username": "x".repeat(256), "email": "x@mail.com", "password": "p"});
    let answer = api.anybody().post("/users", json!({"user": user})).await;
    assert_eq!(answer.status, 422);
    assert!(answer.error("username").starts_with("is too long"));
}

#[tokio::test]
async fn wrong_credentials_are_401_and_do_not_tell_which() {
    let Some(api) = Api::start().await else {
        return;
    };
    api.register("ann").await;
    for (email, password) in [("ann@mail.com", "wrong"), ("bob@mail.com", "password")] {
        let credentials = json!({"email": email, "password": password});
        let answer = api
            .anybody()
            .post("/users/login", json!({"user": credentials}))
            .await;
        assert_eq!(
            (answer.status, answer.error("credentials")),
            (401, "invalid")
        );
    }
    let answer = api
        .anybody()
        .post(
            "/users/login",
            json!({"user": {"email": "", "password": ""}}),
        )
        .await;
    assert_eq!(
        (answer.status, answer.error("email")),
        (422, "can't be blank")
    );
}

#[tokio::test]
async fn an_update_changes_what_was_sent_and_nothing_else() {
    let Some(api) = Api::start().await else {
        return;
    };
    let ann = api.register("ann").await;
    let answer = ann
        .put(
            "/user",
            json!({"user": {"bio": "writes", "image": "http://i/1.png"}}),
        )
        .await;
    assert_eq!(answer.status, 200);
    let answer = ann
        .put("/user", json!({"user": {"email": "Ann@New.com"}}))
        .await;
    assert_eq!(
        (answer.status, &answer["user"]["email"]),
        (200, &json!("ann@new.com"))
    );

    let current = ann.get("/user").await;
    assert_eq!(current["user"]["username"], "ann");
    assert_eq!(current["user"]["email"], "ann@new.com");
    assert_eq!(current["user"]["bio"], "writes");
    assert_eq!(current["user"]["image"], "http://i/1.png");

    // `null` and nothing at all empty them.
    let answer = ann
        .put("/user", json!({"user": {"bio": null, "image": ""}}))
        .await;
    assert!(
        answer["user"]["bio"].is_null() && answer["user"]["image"].is_null(),
        "{answer:?}"
    );
    assert!(ann.get("/user").await["user"]["bio"].is_null());
}

#[tokio::test]
async fn an_update_without_a_field_is_refused() {
    let Some(api) = Api::start().await else {
        return;
    };
    let ann = api.register("ann").await;
    assert_eq!(ann.put("/user", json!({"user": {}})).await.status, 422);
    assert_eq!(
        ann.put("/user", json!({"user": {"username": " "}}))
            .await
            .error("username"),
        "can't be blank"
    );
}

#[tokio::test]
async fn nobody_takes_the_name_of_another() {
    let Some(api) = Api::start().await else {
        return;
    };
    let ann = api.register("ann").await;
    api.register("bob").await;
    let answer = ann
        .put(
            "/user",
            json!({"user": {"username": "bob", "email": "ann@mail.com"}}),
        )
        .await;
    assert_eq!(
        (answer.status, answer.error("username")),
        (422, "has already been taken")
    );
    assert_eq!(answer.error("email"), "");
    assert_eq!(ann.get("/user").await["user"]["username"], "ann");
}

#[tokio::test]
async fn a_new_password_replaces_the_old_one() {
    let Some(api) = Api::start().await else {
        return;
    };
    let ann = api.register("ann").await;
    assert_eq!(
        ann.put("/user", json!({"user": {"password": "other"}}))
            .await
            .status,
        200
    );
    for (password, status) in [("password", 401), ("other", 200)] {
        let credentials = json!({"email": "ann@mail.com", "password": password});
        let answer = api
            .anybody()
            .post("/users/login", json!({"user": credentials}))
            .await;
        assert_eq!(answer.status, status);
    }
}

#[tokio::test]
async fn a_renamed_user_is_shown_by_the_new_name_everywhere() {
    let Some(api) = Api::start().await else {
        return;
    };
    let ann = api.register("ann").await;
    let slug = ann.write("One", &[]).await;
    ann.comment(&slug, "first").await;
    let anybody = api.anybody();
    for _ in 0..2 {
        assert_eq!(
            anybody.get("/articles").await["articles"][0]["author"]["username"],
            "ann"
        );
        assert_eq!(
            anybody.get(&format!("/articles/{slug}")).await["article"]["author"]["username"],
            "ann"
        );
    }

    assert_eq!(
        ann.put("/user", json!({"user": {"username": "anna"}}))
            .await
            .status,
        200
    );
    assert_eq!(
        anybody.get("/articles").await["articles"][0]["author"]["username"],
        "anna"
    );
    assert_eq!(
        anybody.get(&format!("/articles/{slug}")).await["article"]["author"]["username"],
        "anna"
    );
    let comments = anybody.get(&format!("/articles/{slug}/comments")).await;
    assert_eq!(comments["comments"][0]["author"]["username"], "anna");
    assert_eq!(anybody.titles("/articles?author=ann").await.1, 0);
    assert_eq!(anybody.titles("/articles?author=anna").await.1, 1);
    assert_eq!(anybody.get("/profiles/ann").await.status, 404);
    assert_eq!(anybody.get("/profiles/anna").await.status, 200);
}

#[tokio::test]
async fn a_token_that_is_not_good_is_refused_wherever_tokens_are_read() {
    let Some(api) = Api::start().await else {
        return;
    };
    api.register("ann").await;
    for authorization in ["Token nonsense", "Token", "Basic YTpi", "Token a.b.c"] {
        let stranger = api.client("", Some(authorization.to_owned()));
        for path in [
            "/user",
            "/articles",
            "/articles/feed",
            "/tags",
            "/profiles/ann",
        ] {
            let answer = stranger.get(path).await;
            assert_eq!(
                (answer.status, answer.error("token")),
                (401, "is invalid"),
                "{path}"
            );
        }
        // Whoever holds an ended token must be able to get a new one.
        let credentials = json!({"email": "ann@mail.com", "password": "password"});
        assert_eq!(
            stranger
                .post("/users/login", json!({"user": credentials}))
                .await
                .status,
            200
        );
    }
}

#[tokio::test]
async fn what_needs_a_token_says_that_it_is_missing() {
    let Some(api) = Api::start().await else {
        return;
    };
    let ann = api.register("ann").await;
    let slug = ann.write("One", &[]).await;
    let comment = ann.comment(&slug, "first").await;
    let (article, body) = (format!("/articles/{slug}"), json!({}));
    let anybody = api.anybody();
    for (method, path) in [
        ("GET", "/user".to_owned()),
        ("PUT", "/user".to_owned()),
        ("GET", "/articles/feed".to_owned()),
        ("POST", "/articles".to_owned()),
        ("PUT", article.clone()),
        ("DELETE", article.clone()),
        ("POST", format!("{article}/favorite")),
        ("DELETE", format!("{article}/favorite")),
        ("POST", format!("{article}/comments")),
        ("DELETE", format!("{article}/comments/{comment}")),
        ("POST", "/profiles/ann/follow".to_owned()),
        ("DELETE", "/profiles/ann/follow".to_owned()),
    ] {
        let answer = anybody
            .send(
                method,
                &format!("/api{path}"),
                Some("application/json"),
                body.to_string(),
            )
            .await;
        assert_eq!(
            (answer.status, answer.error("token")),
            (401, "is missing"),
            "{method} {path}"
        );
    }
}
