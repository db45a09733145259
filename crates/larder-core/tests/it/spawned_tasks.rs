//! Tasks spawned while a value is made: what they read counts if they are joined.

use std::convert::Infallible;

use larder_core::{Change, Dependency, ReadScope, Refusal};

use crate::gate::{Gate, settled};
use crate::nesting::{kept, regions};
use crate::scene::{builder, larder, table};

#[tokio::test]
async fn a_task_spawned_in_the_scope_counts_if_it_is_joined() {
    let larder = larder();
    let (_, outer) = regions(&larder);
    let its_larder = larder.clone();
    let verdict = kept(&outer, "page", async move {
        let task = ReadScope::spawn(async move {
            tokio::task::yield_now().await;
            its_larder.depend_on("prices");
        });
        task.await.unwrap();
    });
    assert_eq!(verdict.await, Ok(()));
    larder.invalidate("prices").await.unwrap();
    assert_eq!(outer.get("page").await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_joined_tasks_count_one_and_all() {
    let larder = larder();
    let (_, outer) = regions(&larder);
    for round in 0..100_i64 {
        let its_larder = larder.clone();
        let load = outer.get_or_load(round, || async move {
            let tasks: Vec<_> = (0..10)
                .map(|task| {
                    let larder = its_larder.clone();
                    ReadScope::spawn(async move {
                        larder
                            .reading(None, &[Dependency::row(&table("offer"), round * 10 + task)]);
                    })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
            Ok::<_, Infallible>(1)
        });
        load.await.unwrap();
        assert!(outer.get(round).await.is_some(), "all tasks have ended");
        larder
            .publish(Change::row(&table("offer"), round * 10 + round % 10))
            .await
            .unwrap();
        assert_eq!(outer.get(round).await, None);
    }
}

#[tokio::test]
async fn a_value_whose_tasks_still_run_is_not_kept() {
    let larder = larder();
    let (inner, outer) = regions(&larder);
    let gate = Gate::closed();
    let its_gate = gate.clone();
    let verdict = kept(&outer, "page", async {
        drop(ReadScope::spawn(async move { its_gate.passed().await }));
    });
    assert_eq!(verdict.await, Err(Refusal::TasksRunning));
    // Nor is what encloses it, even if the task ends before that does.
    let (gate, its_inner) = (Gate::closed(), inner.clone());
    let verdict = kept(&outer, "page", async {
        let its_gate = gate.clone();
        let row = its_inner.get_or_load("a", || async move {
            drop(ReadScope::spawn(async move { its_gate.passed().await }));
            Ok::<_, Infallible>(1)
        });
        row.await.unwrap();
        gate.open();
        settled().await;
    });
    assert_eq!(verdict.await, Err(Refusal::TasksRunning));
}

#[tokio::test]
async fn a_task_that_was_aborted_or_panicked_runs_no_more() {
    let larder = larder();
    let (_, outer) = regions(&larder);
    let verdict = kept(&outer, "aborted", async {
        let task = ReadScope::spawn(std::future::pending::<()>());
        task.abort();
        assert!(task.await.is_err());
    });
    assert_eq!(verdict.await, Ok(()));
    let verdict = kept(&outer, "panicked", async {
        assert!(ReadScope::spawn(async { panic!("as told") }).await.is_err());
    });
    assert_eq!(verdict.await, Ok(()));
}

#[tokio::test]
async fn a_plain_spawn_loses_the_scope_and_strict_scopes_say_so() {
    let larder = builder().strict_scopes(true).build().unwrap();
    let (_, outer) = regions(&larder);
    let its_larder = larder.clone();
    let load = outer.get_or_load("page", || async move {
        let lost = tokio::spawn(async move { its_larder.depend_on("prices") }).await;
        Ok::<_, Infallible>(u64::from(lost.unwrap_err().is_panic()))
    });
    assert_eq!(*load.await.unwrap(), 1);
}

#[tokio::test]
async fn without_a_scope_a_spawn_is_a_plain_one() {
    assert!(ReadScope::current().is_none());
    assert!(
        ReadScope::spawn(async { ReadScope::current().is_none() })
            .await
            .unwrap()
    );
}
