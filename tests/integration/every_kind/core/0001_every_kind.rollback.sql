do $$ begin raise exception 'what is made for one test is not taken back'; end $$;
