drop index concurrently if exists "IX items/place";
