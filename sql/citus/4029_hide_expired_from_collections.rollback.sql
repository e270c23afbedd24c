-- The functions are again what they were.
select set_config('citus.enable_ddl_propagation', 'off', true);

select memory_put_back('4029_hide_expired_from_collections');
