-- What is in every Lua from 5.1 to 5.4 and in LuaJIT, and nothing else.
std = "min"
max_line_length = 120
files["spec"] = { std = "min+busted" }
