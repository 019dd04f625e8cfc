-- Groups with tasks that wait for others: few, so they are found without a look at those that do not (IN-11). Of what is
-- written often, the number of tasks that are not complete, nothing is in the index.
CREATE INDEX group_state_waiting ON group_state (key) WHERE blocked > 0 AND NOT skipped;
