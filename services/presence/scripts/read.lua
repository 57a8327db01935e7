-- Read people. ARGV: their ids. Returns {now, rows} in the order asked. Cost O(users).
local rows = {}
for i = 3, #ARGV do
  rows[#rows + 1] = row(ARGV[i])
end
return {now, rows}
