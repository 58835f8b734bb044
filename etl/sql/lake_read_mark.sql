-- The mark of a place in object storage.
SELECT content FROM read_text({pattern})
