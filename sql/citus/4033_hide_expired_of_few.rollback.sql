-- The function is again what it was.
select set_config('citus.enable_ddl_propagation', 'off', true);

select memory_put_back('4033_hide_expired_of_few');
