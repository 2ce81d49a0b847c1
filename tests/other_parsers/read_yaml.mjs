// Read YAML texts with npm's `yaml`: `node read_yaml.mjs MODULE`. Input and output as in read_yaml.py.

import { readFileSync } from "node:fs"
import { pathToFileURL } from "node:url"

const YAML = await import(pathToFileURL(process.argv[2]))
const TIMESTAMP = "tag:yaml.org,2002:timestamp"

const asNode = (name, value) => {
  const map = new YAML.YAMLMap()
  map.items.push(new YAML.Pair(new YAML.Scalar(name), value))
  return map
}

// The tags that a text has, as scalars, lists and maps: this library wants each by its name.
const tagsOf = text => [...new Set(text.match(/![A-Za-z0-9]+(::[A-Za-z0-9]+)*/g))].flatMap(tag => {
  const short = tag.slice(1)
  const name = ["Ref", "Condition"].includes(short) ? short : `Fn::${short}`
  const ofText = text => {
    const dot = short === "GetAtt" ? text.indexOf(".") : -1
    return { [name]: dot < 0 ? text : [text.slice(0, dot), text.slice(dot + 1)] }
  }
  return [
    { tag, resolve: ofText },
    { tag, collection: "seq", resolve: list => asNode(name, list) },
    { tag, collection: "map", resolve: map => asNode(name, map) },
  ]
})

const read = text => {
  try {
    const customTags = tags => [
      ...tags.map(each => (each.tag === TIMESTAMP ? { ...each, resolve: text => ({ timestamp: text }) } : each)),
      ...tagsOf(text),
    ]
    const options = { version: "1.1", customTags, uniqueKeys: false, logLevel: "error" }
    return { value: YAML.parse(text, null, { ...options, maxAliasCount: -1 }) }
  } catch (error) {
    return { error: `${error.name}: ${error.message.slice(0, 300)}` }
  }
}

process.stdout.write(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(read)))
