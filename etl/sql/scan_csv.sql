-- A large CSV, every cell as text and named by its position.
read_csv(
    $path,
    columns = {cells},
    compression = $compression,
    auto_detect = FALSE,
    header = TRUE,
    delim = '{separator}',
    quote = '"',
    escape = '"',
    nullstr = chr(1),
    encoding = 'utf-8',
    strict_mode = TRUE,
    null_padding = FALSE,
    ignore_errors = FALSE
)
