-- The salt of an event's changes stands with the first of them, with which it is deleted: no row of its own. Those of before stay in
-- `change_salts`. MySQL can't add a column "if not exists".
SET @step = IF(
    EXISTS (SELECT 1 FROM information_schema.columns
        WHERE table_schema = database() AND table_name = 'changes' AND column_name = 'salt'),
    'DO 0', 'ALTER TABLE changes ADD COLUMN salt binary(32)');
PREPARE step FROM @step;
EXECUTE step;
DEALLOCATE PREPARE step;
