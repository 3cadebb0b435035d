-- What is in every Lua from 5.1 to 5.4 and in LuaJIT, and the one function that changed its place.
std = "min"
read_globals = { "unpack", table = { fields = { "unpack" } } }
max_line_length = 120
files["spec"] = { std = "min+busted" }
