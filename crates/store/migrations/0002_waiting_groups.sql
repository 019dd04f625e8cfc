-- Groups with tasks that wait for others: few, so they are found without a look at those that do not (IN-11).
CREATE INDEX group_state_waiting ON group_state (key) WHERE blocked > 0 AND skipped = 0;
