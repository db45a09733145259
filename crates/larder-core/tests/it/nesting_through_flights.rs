//! What flows outward when the inner value came from another's load, a failed one, or none.

use std::convert::Infallible;
use std::sync::Arc;

use larder_core::{Change, Dependency, Key, Refusal, Region, Scope, Share, Turn};

use crate::gate::{Gate, begun, within};
use crate::scene::{S, Truth, larder, long, read, region, table, timed};

/// What an inner load gave, in words: a failure is told, not handed on.
async fn told(inner: &Region<u64>, load: impl AsyncFnOnce() -> Result<u64, String>) -> String {
    match inner.get_or_load("a", || load()).await {
        Ok(value) => value.to_string(),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn what_is_made_of_a_followed_load_is_invalid_with_it() {
    let larder = larder();
    let (inner, outer) = (
        region::<u64>(&larder, "rows"),
        region::<u64>(&larder, "pages"),
    );
    let (offer, gate) = (table("offer"), Gate::closed());
    let leader = begun(inner.get_or_load("a", || async {
        larder.reading(None, &[Dependency::row(&offer, 7)]);
        gate.passed().await;
        Ok::<_, Infallible>(1)
    }));
    let page = begun(outer.get_or_load("page", || async {
        Ok::<_, Infallible>(read(&inner, "a", 0).await + 10)
    }));
    gate.open();
    within("the leader", leader).await.unwrap();
    assert_eq!(*within("the page", page).await.unwrap(), 11);
    assert_eq!(outer.get("page").await.as_deref(), Some(&11));
    larder.publish(Change::row(&offer, 7)).await.unwrap();
    assert_eq!(outer.get("page").await, None);
}

#[tokio::test]
async fn what_is_made_of_a_failed_load_is_invalid_when_its_reason_changes() {
    let larder = larder();
    let (inner, outer) = (
        region::<u64>(&larder, "rows"),
        region::<String>(&larder, "pages"),
    );
    let offer = table("offer");
    let page = outer.get_or_load("page", || async {
        let inside = told(&inner, async || {
            larder.reading(None, &[Dependency::row(&offer, 7)]);
            Err("no such offer".to_owned())
        });
        Ok::<_, Infallible>(inside.await)
    });
    assert_eq!(*page.await.unwrap(), "no such offer");
    assert!(outer.get("page").await.is_some());
    larder.publish(Change::row(&offer, 7)).await.unwrap();
    assert_eq!(outer.get("page").await, None);
}

/// The follower of a failed load is told as much as its leader.
#[tokio::test]
async fn what_is_made_of_a_failed_load_that_was_followed_is_invalid_when_its_reason_changes() {
    let larder = larder();
    let (inner, outer) = (
        region::<u64>(&larder, "rows"),
        region::<String>(&larder, "pages"),
    );
    let (offer, gate) = (table("offer"), Gate::closed());
    let fail = async || {
        larder.reading(None, &[Dependency::row(&offer, 7)]);
        gate.passed().await;
        Err("no such offer".to_owned())
    };
    let leader = begun(told(&inner, fail));
    let page = begun(outer.get_or_load("page", || async {
        Ok::<_, Infallible>(told(&inner, async || Ok(1)).await)
    }));
    gate.open();
    assert_eq!(within("the leader", leader).await, "no such offer");
    let page = within("the page", page).await.unwrap();
    larder.publish(Change::row(&offer, 7)).await.unwrap();
    assert_eq!(outer.get("page").await, None, "{page}");
}

#[tokio::test]
async fn a_failure_made_of_a_users_entry_is_not_shared_with_others() {
    let larder = larder();
    let (users, public) = (
        region::<u64>(&larder, "users"),
        region::<u64>(&larder, "pages"),
    );
    let (ann, gate) = (users.scoped(Scope::user("ann")), Gate::closed());
    let leader = begun(public.get_or_load("page", || async {
        let secret = read(&ann, "salary", 7).await;
        gate.passed().await;
        Err::<u64, _>(format!("ann earns only {secret}"))
    }));
    let follower = begun(public.get_or_load("page", || async { Ok::<_, String>(1) }));
    gate.open();
    assert!(within("the leader", leader).await.is_err());
    assert_eq!(within("the follower", follower).await.as_deref(), Ok(&1));
}

#[tokio::test]
async fn what_was_read_for_a_user_is_not_shared_whatever_else_it_is_refused_for() {
    for refusal in [Refusal::Expired, Refusal::Changed, Refusal::Volatile] {
        let larder = larder();
        let (users, public) = (
            region::<u64>(&larder, "users"),
            region::<u64>(&larder, "pages"),
        );
        let (ann, key) = (users.scoped(Scope::user("ann")), Key::from("page"));
        let Turn::Lead(lead) = public.join(&key).await else {
            panic!("should lead")
        };
        let follower = begun(public.join(&key));
        let secret = lead.run(read(&ann, "salary", 7)).await;
        lead.refuse(refusal);
        assert!(
            lead.finish(Some(Arc::new(secret)), long().lifetime())
                .kept
                .is_err()
        );
        let turn = within("the follower", follower).await;
        assert!(!matches!(turn, Turn::Hit(_)), "{refusal}: {turn:?}");
    }
}

#[tokio::test]
async fn an_entry_expires_with_an_entry_that_was_loaded_for_it() {
    let (larder, clock) = timed();
    let inner = larder
        .region::<u64>("rows", larder_core::Policy::ttl(5 * S))
        .unwrap();
    let outer = larder
        .region::<u64>("pages", long().grace(100 * S))
        .unwrap();
    let truth = Truth::of(1);
    let page = || async { Ok::<_, Infallible>(truth.through(&inner, "a").await) };
    outer.get_or_load("page", page).await.unwrap();
    clock.advance(4 * S);
    assert_eq!(outer.get("page").await.as_deref(), Some(&1));
    clock.advance(2 * S);
    truth.write(2);
    assert_eq!(
        outer.get("page").await,
        None,
        "it outlives what it was made of"
    );
    assert_eq!(*outer.get_or_load("page", page).await.unwrap(), 2);
}

#[tokio::test]
async fn an_entry_expires_with_the_knowledge_that_there_is_none() {
    let (larder, clock) = timed();
    let inner = larder
        .region::<u64>("rows", long().negative_ttl(5 * S))
        .unwrap();
    let outer = larder.region::<bool>("pages", long()).unwrap();
    let none = || async { Ok::<_, Infallible>(None) };
    let page = outer.get_or_load("page", || async {
        let inside = inner.get_or_load_optional("a", none).await.unwrap();
        Ok::<_, Infallible>(inside.is_some())
    });
    assert!(!*page.await.unwrap());
    clock.advance(6 * S);
    assert_eq!(outer.get("page").await, None);
}

#[tokio::test]
async fn an_entry_expires_with_the_entries_a_batch_loaded_for_it() {
    let (larder, clock) = timed();
    let inner = larder
        .region::<u64>("rows", larder_core::Policy::ttl(5 * S))
        .unwrap();
    let outer = larder.region::<u64>("pages", long()).unwrap();
    let page = outer.get_or_load("page", || async {
        let rows = inner.get_many_or_load(vec![1_u64, 2], |keys| async move {
            Ok::<_, Infallible>(keys.into_iter().map(|key| (key, key)).collect::<Vec<_>>())
        });
        Ok::<_, Infallible>(
            rows.await
                .unwrap()
                .into_iter()
                .flatten()
                .map(|row| *row)
                .sum(),
        )
    });
    assert_eq!(*page.await.unwrap(), 3);
    clock.advance(6 * S);
    assert_eq!(outer.get("page").await, None);
}

/// A value made while a switch is off is no less a user's.
#[tokio::test]
async fn what_is_made_of_a_users_region_is_not_kept_as_public_while_that_region_is_off() {
    let larder = larder();
    let (users, public) = (
        region::<u64>(&larder, "users"),
        region::<u64>(&larder, "pages"),
    );
    let ann = users.scoped(Scope::user("ann"));
    larder.switches().set_region("users", Share::OFF).unwrap();
    let page = || async { Ok::<_, Infallible>(read(&ann, "salary", 7).await) };
    assert_eq!(*public.get_or_load("page", page).await.unwrap(), 7);
    assert_eq!(public.get("page").await, None, "kept for everyone");
    let batch = || async {
        let rows = ann.get_many_or_load(vec!["salary"], |_| async {
            Ok::<_, Infallible>(vec![("salary", 7)])
        });
        Ok::<_, Infallible>(rows.await.unwrap()[0].as_deref().copied().unwrap())
    };
    assert_eq!(*public.get_or_load("batch", batch).await.unwrap(), 7);
    assert_eq!(public.get("batch").await, None, "kept for everyone");
}

/// Off still publishes, so what was made of the region must hear it.
#[tokio::test]
async fn what_is_made_of_a_region_that_is_off_is_invalid_with_its_key_region_and_tags() {
    let larder = larder();
    let inner = larder
        .region::<u64>("rows", long().invalidated_by("imported"))
        .unwrap();
    let outer = region::<u64>(&larder, "pages");
    larder.switches().set_region("rows", Share::OFF).unwrap();
    let truth = Truth::of(0);
    let page = || async { Ok::<_, Infallible>(truth.through(&inner, "a").await) };
    for write in 1..=4 {
        outer.get_or_load("page", page).await.unwrap();
        truth.write(write);
        match write {
            1 => inner.remove("a").await.unwrap(),
            2 => inner.put("a", 2).await.unwrap(),
            3 => inner.invalidate_all().await.unwrap(),
            _ => drop(larder.invalidate("imported").await.unwrap()),
        }
        assert_eq!(*outer.get_or_load("page", page).await.unwrap(), write);
    }
}

#[tokio::test]
async fn an_entry_expires_with_what_a_region_that_is_off_would_have_kept() {
    let (larder, clock) = timed();
    let inner = larder
        .region::<u64>("rows", larder_core::Policy::ttl(5 * S))
        .unwrap();
    let outer = larder.region::<u64>("pages", long()).unwrap();
    larder.switches().set_region("rows", Share::OFF).unwrap();
    let page = outer.get_or_load("page", || async {
        Ok::<_, Infallible>(read(&inner, "a", 1).await)
    });
    page.await.unwrap();
    clock.advance(6 * S);
    assert_eq!(
        outer.get("page").await,
        None,
        "the ttl that bounds unseen writes is the row's"
    );
}

/// That there was nothing is something that was read.
#[tokio::test]
async fn what_is_made_of_a_key_that_was_not_there_is_invalid_once_it_is_put() {
    let larder = larder();
    let (inner, outer) = (
        region::<u64>(&larder, "sessions"),
        region::<u64>(&larder, "pages"),
    );
    let page = || async { Ok::<_, Infallible>(inner.get("a").await.map_or(0, |value| *value)) };
    assert_eq!(*outer.get_or_load("page", page).await.unwrap(), 0);
    inner.put("a", 1).await.unwrap();
    assert_eq!(*outer.get_or_load("page", page).await.unwrap(), 1);
}
