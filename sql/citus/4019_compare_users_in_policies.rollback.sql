-- The policies are again what they were.
select memory_put_back('4019_compare_users_in_policies');
