drop function take_turns_adding(user_id uuid);
