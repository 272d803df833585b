//! The whole suite twice: with groups of many users, and with each group split by user, as a database needs it that
//! keeps users apart.

mod grouped {
    hookfill_store::contract_tests!(crate::scene::OnServer::fresh(false));
}

mod split_by_user {
    hookfill_store::contract_tests!(crate::scene::OnServer::fresh(true));
}
