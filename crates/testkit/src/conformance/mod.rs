//! What every store must do, and that all stores answer alike.
//!
//! A store's tests hand a function that makes an empty database to [`store_conformance!`](crate::store_conformance).

pub mod histories;
pub mod needs;
pub mod queries;
mod questions;

pub(crate) use questions::search;

/// Makes the tests of one store. The argument makes an empty database; it is called once a test. With `if` the tests do
/// nothing where the store cannot be had.
///
/// ```
/// boxwood_testkit::store_conformance!(boxwood_store::memory::Database::new);
/// ```
#[macro_export]
macro_rules! store_conformance {
    ($fresh:expr) => {
        $crate::store_conformance!($fresh, if true);
    };
    ($fresh:expr, if $there:expr) => {
        $crate::store_conformance!($fresh, $there; histories:
            every_kind_of_command_is_answered_as_in_memory,
            sets_that_are_thrown_away_change_no_answer,
            databases_opened_again_after_every_commit_change_no_answer,
            hostile_worlds_hold,
        );
        $crate::store_conformance!($fresh, $there; needs:
            jobs_are_found_by_key_and_by_id,
            tasks_are_found_by_key_and_by_id,
            ready_tasks_and_queues_are_found,
            displays_and_progress_are_found,
            open_parents_come_with_their_groups,
            failed_tasks_are_found,
            failed_tasks_that_run_again_in_one_commit_are_forgotten,
            the_newest_job_with_a_fingerprint_is_found,
            keys_are_never_given_twice,
            inputs_come_back_in_the_order_asked_for,
            answers_to_reports_are_remembered,
            failed_branches_are_remembered,
            leases_that_have_ended_are_found,
            what_is_not_committed_is_invisible_and_lost,
            a_need_sees_what_was_saved_but_not_committed,
            odd_texts_survive,
            thousands_of_ready_tasks_survive,
        );
        $crate::store_conformance!($fresh, $there; queries:
            j_40_j_41_a_job_by_its_id,
            j_43_j_44_bounds_of_time_and_id,
            j_42_j_46_names_match_by_words,
            j_47_j_48_states_of_jobs_and_tasks,
            j_49_automations,
            j_50_clusters,
            j_51_j_52_j_53_pages_in_both_orders,
            j_56_j_57_tasks_page_by_page,
            tasks_of_other_jobs_are_not_listed,
            graphs_hold_tasks_and_dependencies,
            j_58_jobs_are_counted_by_state,
            j_59_what_waits,
            j_30_j_31_times_are_exact_after_a_retry,
            j_38_larger_jobs_stay_exact_but_for_the_start,
            jobs_of_tasks,
            c_9_clusters_with_the_default_one_first,
        );
    };
    ($fresh:expr, $there:expr; $module:ident: $($name:ident),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                if $there {
                    $crate::conformance::$module::$name($fresh);
                }
            }
        )*
    };
}
