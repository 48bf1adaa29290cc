DROP TABLE node_call_parts;
DROP TABLE node_calls;
