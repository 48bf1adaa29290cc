DROP INDEX messages_media;
