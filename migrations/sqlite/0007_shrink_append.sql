-- The salt of an event's changes stands with the first of them, with which it is deleted: no row of its own. Those of before stay in
-- `change_salts`.
ALTER TABLE changes ADD COLUMN salt BLOB;
