DROP TABLE additions;
