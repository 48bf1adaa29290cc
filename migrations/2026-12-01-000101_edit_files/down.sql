DROP TABLE edit_files;
