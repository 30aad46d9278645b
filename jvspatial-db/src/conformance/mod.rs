//! The suite that every backend and every layer passes: what [`Database`](crate::Database) promises, case by case.
//!
//! For the tests of backends, and outside semantic versioning: cases come and go with any release.
//! [`conformance_tests!`](crate::conformance_tests) makes one test of each case. A case that needs
//! what a backend may lack has two arms, so that it checks something on every backend.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(missing_docs, reason = "the name of a case is a sentence")]

pub mod batch;
pub mod concurrency;
pub mod distinct;
pub mod document;
pub mod durable;
pub mod edge;
pub mod filter;
pub mod find;
pub mod get;
mod harness;
pub mod index;
pub mod lifecycle;
pub mod neighbor_pages;
pub mod neighbors;
pub mod page;
pub mod projection;
pub mod put;
pub mod sort;
mod support;
pub mod transaction;
pub mod update;
pub mod update_race;
pub mod upsert;
pub mod watch;
pub mod watch_end;
pub mod write;

pub use harness::{Harness, Picture};

/// Makes a module with one test for each case of the suite.
///
/// `conformance_tests!(name, open)` takes the module's name and a function without arguments that
/// returns a [`Harness`](crate::conformance::Harness) on a store of its own. The crate that calls it
/// needs tokio with `macros` and `rt-multi-thread`. With `ignore = "why"` behind them, the tests are run
/// only where that is asked for.
#[macro_export]
macro_rules! conformance_tests {
    ($backend:ident, $open:path) => {
        $crate::conformance_tests! { @suite $backend, $open, {} }
    };
    ($backend:ident, $open:path, ignore = $why:literal) => {
        $crate::conformance_tests! { @suite $backend, $open, { #[ignore = $why] } }
    };
    (@suite $backend:ident, $open:path, $attributes:tt) => {
        $crate::conformance_tests! { @list $backend, $open, $attributes;
            db get {
                documents_come_in_the_order_of_the_handles,
                a_missing_document_is_none_in_its_place,
                a_handle_given_twice_is_answered_twice,
                no_handles_are_answered_with_nothing,
                a_wrong_hint_still_finds_the_document,
                a_stale_hint_never_shows_another_document,
                a_hint_given_before_a_document_was_made_again_still_finds_it,
                every_collection_is_read_in_one_call,
                only_an_edge_has_ends,
                ids_that_look_alike_are_different_documents,
                three_thousand_documents_are_read_in_one_call,
            }
            db write {
                an_insert_creates_the_document_at_version_one,
                an_insert_with_a_taken_id_is_a_duplicate_and_changes_nothing,
                an_update_replaces_the_fields_and_counts_the_version_up,
                an_update_from_another_version_is_a_conflict_that_names_both,
                an_update_of_a_missing_document_is_missing,
                the_schema_version_is_kept_and_changed_by_an_update,
                encoded_fields_are_stored_as_they_are,
                encoded_fields_that_are_none_do_not_harm_the_store,
                a_delete_removes_the_document,
                a_delete_from_another_version_is_a_conflict,
                a_delete_of_a_missing_document_is_missing,
                a_document_made_again_starts_at_version_one,
                an_empty_batch_succeeds_and_does_nothing,
                a_batch_in_another_encoding_is_invalid,
                the_report_has_one_outcome_for_each_operation_in_order,
                a_dropped_write_happens_whole_or_not_at_all,
            }
            db batch {
                an_update_sees_the_insert_before_it,
                many_updates_of_one_document_count_up,
                edges_join_nodes_of_the_same_batch,
                an_edge_inserted_and_updated_keeps_its_ends,
                a_document_is_deleted_and_made_again,
                an_insert_after_a_delete_and_an_update_after_that,
                an_update_after_a_delete_is_missing,
                a_second_insert_is_a_duplicate,
                a_second_unique_edge_is_a_duplicate,
                a_unique_edge_may_follow_the_delete_of_the_first,
                a_parallel_edge_that_is_left_still_stands_in_the_way,
                an_edge_to_a_node_deleted_before_names_the_missing_end,
                a_detach_takes_an_edge_inserted_before_it,
                a_detach_does_not_count_an_edge_deleted_before_it,
                an_edge_that_was_moved_stays_when_its_old_node_is_detached,
                an_edge_that_was_moved_does_not_stand_in_the_way,
                an_edge_moved_and_updated_has_its_new_ends,
                an_atomic_batch_without_failures_is_applied,
                an_atomic_batch_with_a_failure_leaves_everything_as_it_was,
                an_atomic_batch_judges_each_operation_as_if_the_others_were_applied,
                a_batch_of_ten_thousand_operations_is_applied,
            }
            db put {
                an_insert_with_a_given_version_keeps_it_and_counts_on,
                an_insert_with_a_given_version_and_a_taken_id_is_a_duplicate,
                a_document_without_a_version_is_deleted_at_version_zero,
                a_version_that_leaves_no_room_to_count_is_refused,
                a_put_with_ends_that_do_not_suit_is_refused,
                a_put_creates_what_is_not_there,
                a_put_replaces_whatever_is_there,
                puts_of_one_document_replace_one_another,
                a_put_node_keeps_its_edges,
                a_put_edge_has_its_new_ends,
                a_put_edge_whose_end_is_missing_leaves_the_old_one,
                a_put_unique_edge_does_not_stand_in_its_own_way,
                a_put_edge_makes_way_where_it_was_and_stands_where_it_is,
                a_detach_takes_a_put_edge_from_where_it_is_alone,
                an_edge_put_and_updated_has_its_new_ends,
                a_cursor_sees_an_edge_as_it_was_before_a_put,
                a_put_in_an_atomic_batch_that_fails_is_not_applied,
                of_many_unique_puts_between_two_nodes_exactly_one_wins,
            }
            db edge {
                a_missing_end_is_named_the_source_first,
                a_second_unique_edge_is_a_duplicate_of_the_connection,
                a_unique_edge_of_another_type_or_direction_is_free,
                an_undirected_edge_is_unique_both_ways,
                parallel_edges_are_allowed_when_neither_is_unique,
                a_unique_edge_is_refused_beside_a_parallel_one,
                a_loop_is_an_edge,
                an_update_of_an_edge_changes_nothing_else,
                an_edge_outlives_a_node_deleted_without_detach,
                a_node_made_again_has_its_edges_again,
                a_detach_takes_all_edges_of_the_node_and_no_others,
                a_detach_takes_edges_whose_other_end_is_gone,
                a_refused_delete_detaches_nothing,
                an_edge_deleted_leaves_its_nodes_and_frees_the_connection,
            }
            db neighbors {
                a_direction_follows_directed_edges_one_way,
                an_undirected_edge_is_followed_from_either_end_in_every_direction,
                edges_with_chosen_keys_come_in_the_order_of_their_keys,
                edges_with_generated_keys_come_in_the_order_of_creation,
                generated_keys_come_before_chosen_ones_whatever_the_type,
                both_directions_are_merged_in_the_order_of_creation,
                parallel_edges_yield_their_node_once_each,
                a_loop_is_followed_once,
                a_start_given_twice_is_answered_twice,
                a_start_that_does_not_exist_has_no_neighbours,
                a_start_that_is_no_node_has_no_neighbours,
                edge_types_choose_the_edges,
                node_types_choose_the_nodes,
                an_edge_filter_chooses_by_content,
                edges_are_named_when_asked_for,
                handles_of_an_answer_find_their_documents,
                only_known_nodes_may_be_left_out,
                ordinals_are_dense_and_stay_while_pinned,
                a_hub_of_five_thousand_edges_is_answered_in_order,
            }
            db neighbor_pages {
                pages_of_any_size_are_the_whole,
                a_page_names_the_edge_it_ends_with_and_no_other,
                a_place_stays_one_when_its_edge_is_deleted,
                known_nodes_leave_room_for_others,
                a_hub_among_others_comes_page_by_page,
                pages_of_a_transaction_are_what_it_sees,
            }
            db find {
                only_the_collection_is_searched,
                an_entity_is_found_by_name,
                an_entity_is_found_though_its_name_was_only_read_from_ids,
                fields_of_the_envelope_are_found,
                skip_and_limit_cut_the_answer,
                pages_are_the_whole_in_one_order,
                a_count_is_what_a_find_returns,
                every_document_is_found_once_among_many,
                a_cursor_does_not_see_later_writes,
                a_cursor_sees_an_edge_as_it_was_though_it_was_made_again,
                cursors_of_different_times_see_different_things,
                a_cursor_dropped_early_leaves_no_trace,
            }
            db filter {
                comparisons_take_every_numeric_type_alike,
                comparisons_never_cross_types,
                null_is_also_a_missing_field,
                an_array_matches_by_its_elements,
                dotted_paths_lead_into_documents_and_arrays,
                lists_of_values_match_any_or_none,
                exists_and_type_ask_about_the_field,
                logical_operators_combine,
                text_compares_byte_by_byte,
            }
            db sort {
                types_come_in_their_order,
                what_is_missing_stands_with_null,
                numbers_of_all_types_stand_on_one_line,
                an_array_stands_where_its_smallest_or_largest_element_does,
                keys_decide_one_after_the_other,
                ties_come_in_the_order_of_ids,
                fields_of_the_envelope_are_keys,
                skip_and_limit_cut_the_order,
                only_matches_are_sorted,
                an_order_goes_on_from_a_position_both_ways,
                a_sorted_cursor_does_not_see_later_writes,
                two_arrays_at_once_are_invalid,
            }
            db projection {
                an_inclusion_returns_the_named_fields,
                an_exclusion_returns_the_others,
                a_projection_goes_through_arrays,
                the_envelope_is_whole_whatever_is_projected,
                filters_and_sorts_see_what_is_not_returned,
            }
            db page {
                pages_are_the_whole_forward_and_backward,
                the_last_page_is_known_to_be_the_last,
                pages_are_stable_under_writes,
                a_page_that_became_empty_leads_back,
                a_token_of_another_question_is_invalid,
                a_page_is_projected_and_still_leads_on,
                a_page_without_size_or_with_bounds_of_its_own_is_refused,
            }
            db distinct {
                each_value_comes_once_in_order,
                equal_numbers_of_different_types_are_one_value,
                elements_stand_for_their_array,
                a_path_goes_through_arrays,
                only_matches_are_looked_at,
            }
            db document {
                every_kind_of_value_comes_back_identical,
                text_of_every_plane_comes_back_identical,
                names_of_any_script_come_back_in_their_order,
                numbers_at_their_bounds_come_back_identical,
                an_integer_beyond_i64_is_refused,
                an_empty_document_is_a_document,
                a_megabyte_comes_back_identical,
                a_document_over_the_limit_is_refused,
                a_hundred_levels_are_kept_and_one_more_refused,
                names_that_a_backend_could_not_keep_are_refused,
                fields_that_look_like_the_envelope_stay_the_users,
                keys_of_ids_may_be_any_text,
                a_refused_document_leaves_the_batch_as_it_was,
                a_struct_is_decoded_and_a_misfit_names_the_id,
            }
            db concurrency {
                no_update_is_lost_among_sixty_four_tasks,
                of_two_updates_from_one_version_exactly_one_wins,
                of_many_inserts_of_one_id_exactly_one_wins,
                of_many_unique_edges_exactly_one_wins,
                of_two_deletes_exactly_one_wins,
                no_edge_is_left_when_its_node_is_detached_meanwhile,
                readers_never_see_part_of_a_batch,
                neighbours_never_show_part_of_a_batch,
                a_reader_sees_what_was_acknowledged_before_it_asked,
            }
            db update {
                an_update_of_one_changes_one_match_and_counts_its_version_up,
                an_update_of_many_changes_each_match_once,
                an_update_that_changes_nothing_writes_nothing,
                an_update_that_matches_nothing_changes_nothing,
                every_operator_stores_its_result,
                an_update_returns_the_document_before_or_after,
                an_update_keeps_the_schema_and_the_ends,
                an_operator_that_does_not_suit_names_the_document_and_leaves_it,
                an_update_that_makes_a_document_too_deep_or_too_large_is_refused,
                an_update_of_many_returns_no_document,
                a_document_without_a_version_gains_one,
            }
            db upsert {
                an_upsert_makes_a_document_of_its_filter_and_update,
                an_upsert_changes_what_matches,
                an_upsert_returns_nothing_of_before,
                an_upsert_takes_its_id_from_the_filter,
                an_upserted_edge_joins_what_its_filter_says,
                an_upserted_edge_needs_both_its_ends,
                an_upsert_that_no_document_can_be_is_refused,
                an_upsert_whose_id_another_document_has_is_a_duplicate,
            }
            db update_race {
                no_increment_is_lost_among_updates_and_saves,
                an_update_of_many_loses_no_save,
                what_stops_matching_meanwhile_is_not_changed,
                tasks_that_take_from_a_queue_never_take_the_same,
                of_many_upserts_of_one_id_one_makes_the_document,
                an_update_without_time_left_still_tries_once,
            }
            db index {
                an_index_answers_what_a_scan_answers,
                an_explanation_names_the_index_and_its_bounds,
                a_hint_forces_an_index_and_one_that_cannot_be_followed_is_invalid,
                an_index_follows_every_change,
                an_array_is_found_by_each_element_and_once,
                a_taken_key_is_a_duplicate_that_names_index_and_owner,
                a_key_is_free_once_its_owner_lets_go_of_it,
                a_missing_field_is_null_and_unique_unless_sparse_or_partial,
                an_atomic_batch_that_fails_leaves_the_index_as_it_was,
                violations_of_what_is_there_are_listed_and_leave_no_index,
                indexes_of_one_name_differ_by_collection_and_type,
                a_document_that_an_index_cannot_hold_is_refused_with_its_batch,
                a_cursor_by_an_index_does_not_see_later_writes,
                edges_are_indexed_by_their_ends,
                nodes_that_are_joined_already_come_before_a_taken_key,
            }
            db transaction {
                a_transaction_reads_what_it_wrote_and_nobody_else_does,
                a_transaction_sees_one_point_in_time,
                a_transaction_that_is_given_up_leaves_nothing,
                calls_after_the_end_of_a_transaction_are_closed,
                a_transaction_makes_neither_transactions_nor_indexes,
                a_document_that_was_read_and_changed_meanwhile_is_noticed,
                write_skew_is_noticed_where_transactions_are_serializable,
                a_phantom_in_a_search_is_noticed_where_transactions_are_serializable,
                a_phantom_among_neighbours_is_noticed_where_transactions_are_serializable,
                what_a_write_was_told_is_still_true_at_the_commit,
                transactions_on_different_documents_do_not_meet,
                a_transaction_that_wrote_nothing_is_in_nobodys_way,
                an_atomic_batch_that_fails_leaves_the_transaction_as_it_was,
                transfers_between_accounts_keep_their_sum,
            }
            db watch {
                every_change_is_told_with_kind_version_and_document,
                edges_are_told_with_their_ends,
                only_what_was_asked_for_is_told,
                ids_and_versions_are_told_without_documents,
                what_was_refused_is_not_told,
                an_atomic_batch_shares_its_commit_and_can_be_left_in_its_middle,
                a_watch_goes_on_from_every_token_it_gave,
                a_token_is_refused_by_a_watch_of_something_else,
                the_edges_of_a_detached_node_are_told,
                an_update_of_many_is_told_once_for_each,
                puts_and_given_versions_are_told_by_their_version,
                a_document_changed_by_one_batch_is_last_told_as_the_batch_left_it,
                a_transaction_is_told_when_it_commits_and_as_one,
                many_writers_are_told_each_in_order_and_nothing_twice,
                a_slow_reader_is_told_of_everything_in_the_end,
                what_was_told_can_be_read,
                several_watches_do_not_meet,
            }
            harness lifecycle {
                calls_after_closing_are_closed,
                closing_twice_succeeds,
                closing_from_many_tasks_succeeds,
                closing_finishes_what_was_accepted,
                dropping_a_cursor_after_closing_is_harmless,
            }
            harness watch_end {
                a_watch_ends_when_the_database_is_closed,
                a_watch_goes_on_when_the_database_has_been_opened_again,
            }
            harness durable {
                documents_with_versions_and_schemas_survive,
                edges_survive_in_their_order,
                deletes_survive,
                edges_without_their_node_survive_and_find_it_when_it_is_made_again,
                uniqueness_survives,
                updates_go_on_from_the_stored_version,
                every_write_survives_a_reopening_after_it,
                a_database_that_was_never_written_opens_again,
                indexes_survive,
            }
        }
    };
    (@list $backend:ident, $open:path, $attributes:tt; $($kind:ident $file:ident { $($case:ident,)* })*) => {
        mod $backend {
            #[allow(unused_imports)]
            use super::*;

            fn harness() -> $crate::conformance::Harness {
                $open()
            }

            $(mod $file {
                $($crate::conformance_tests! { @test $attributes $kind $file $case })*
            })*
        }
    };
    (@test { $($attribute:tt)* } $kind:ident $file:ident $case:ident) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        $($attribute)*
        async fn $case() {
            $crate::conformance_tests!(@run $kind $crate::conformance::$file::$case)
        }
    };
    (@run db $case:path) => {
        super::harness().check($case).await
    };
    (@run harness $case:path) => {
        $case(super::harness()).await
    };
}
