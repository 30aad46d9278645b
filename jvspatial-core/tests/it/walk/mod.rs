//! The contract of walks, each case on every backend.
//!
//! What went wrong where walkers come from, and the case in [`contract`] that shows it does not here:
//!
//! | Elsewhere | Case |
//! |---|---|
//! | hooks run in the order of their names | `hooks_run_in_the_order_they_are_declared` |
//! | a limit of n runs the hooks of n - 1 | `a_limit_of_n_steps_runs_the_hooks_of_exactly_n`, `a_limit_of_n_visits_allows_n_of_each` |
//! | a pause lets the other hooks run, and ends the walk | `a_pause_stops_right_after_its_hook_and_exit_waits_for_the_real_end` |
//! | after a disengage other hooks run, and the rest of the batch | `nothing_runs_after_the_hook_that_disengages` |
//! | a limit loses the reports and leaves out `on_exit` | `a_limit_keeps_reports_trail_and_statistics_and_runs_exit` |
//! | errors are among the reports | `errors_are_apart_from_reports` |
//! | time goes by in a pause | `a_pause_takes_no_time_but_a_deadline_stands` |
//! | a full queue drops in silence | `a_full_queue_says_what_it_dropped` |
//! | the queue compares values | `the_queue_knows_a_node_by_its_id_whatever_its_fields` |
//! | a node deleted meanwhile is visited | `a_node_deleted_while_it_waits_is_missing` |
//! | the trail knows neither edge nor parent, and counts twice | `a_step_of_the_trail_tells_how_it_was_come_to` |
//! | looking at neighbours has them visited | `reading_neighbours_visits_none_of_them` |
//! | what is restored has lost queue, fields and counts | `a_walk_goes_on_with_all_it_had` |
//! | neighbours come in any order | `nodes_are_visited_in_the_order_of_their_edges` |
//! | walks share a context, and hear of one another | `walks_over_two_graphs_have_nothing_in_common` |
//! | saving turns text into ASCII, and gives other ids | `what_a_walk_saves_keeps_its_text_and_its_id` |

mod again;
mod atomic;
mod begun_early;
mod checkpoint;
mod checkpoint_ends;
#[cfg(feature = "json")]
mod checkpoint_kill;
mod checkpoint_model;
mod checkpoint_names;
mod checkpoint_plan;
mod checkpoint_tally;
mod conflicts;
mod contract;
mod endings;
mod leaving;
mod limits;
mod policies;
mod queue;
mod streams;
mod support;
mod ways;
mod writes;
