//! What the macros accept: that these files compile is most of the test.

#![allow(clippy::all, dead_code, unused_qualifications)]

mod cached_query {
    mod functions_and_methods;
}

mod edge {
    mod ends;
}

mod embedded {
    mod without_warnings;
}

mod node {
    mod handles_of_stored_forms;
    mod indexes;
    mod inside_a_function_and_a_macro;
    mod no_fields;
    mod private_types_in_a_public_node;
    mod raw_identifiers;
    mod self_in_a_field;
    mod shadowed_names;
    mod without_warnings;
}

mod projection {
    mod without_warnings;
}

mod visited {
    mod every_form_of_a_hook;
    mod shadowed_names;
    mod walker_that_is_a_node;
}

mod walker {
    mod cfg_on_hooks;
    mod edges_lists_and_leaving;
    mod every_form_of_a_hook;
    mod generic_walker;
    mod walker_that_is_a_node;
}
