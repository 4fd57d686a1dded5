/**
 * Passages and questions, written for this bench. Each passage has a hard question, in other words than the passage, and a
 * plain one. Other passages on the same subject make it easy to find the subject and hard to find the passage.
 */

export interface Passage {
  topic: string
  text: string
  /** A question in other words than the passage. */
  paraphrase: string
  /** A question in the words of the subject. */
  question: string
}

function topic(name: string, pairs: [text: string, paraphrase: string, question: string][]): Passage[] {
  return pairs.map(([text, paraphrase, question]) => ({ topic: name, text, paraphrase, question }))
}

export const passages: Passage[] = [
  ...topic('bees', [
    [
      'When a colony outgrows its hive, the old queen leaves with about half of the workers and hangs as a cluster on a branch. Scouts fly out to inspect hollow trees and dance for the ones they like, until all of them advertise the same cavity and the swarm departs.',
      'How do insects that need a new home agree on where to settle?',
      'How does a bee swarm choose its new cavity?',
    ],
    [
      'In winter the workers form a tight ball around their honey. Those inside shiver with their flight muscles and keep the core near thirty degrees, while the outer layer insulates with interlocked hairs. They trade places so that none of them freezes.',
      'By what means does the group stay warm during the cold months?',
      'How do bees keep warm in winter?',
    ],
    [
      'A nectar gatherer passes her load from mouth to mouth to younger sisters, who add enzymes and spread thin films over the comb. Fanning wings draw air through the hive until less than a fifth of water is left; then the cell is sealed with wax.',
      'What has to happen before the sweet liquid from flowers can be stored without spoiling?',
      'How do bees turn nectar into honey?',
    ],
    [
      'The mite Varroa feeds on the fat tissue of larvae and carries viruses that cripple wings. Keepers dribble oxalic acid on broodless colonies in December, because the parasite cannot hide under capped cells at that time.',
      'Why is the treatment against the bloodsucking pest applied just before the new year?',
      'When should I treat my bees against Varroa mites?',
    ],
    [
      'Drones have no sting, gather nothing and live only to mate. They meet in the air above certain clearings year after year, though none of them has been there before. In autumn the workers bite them and push them out of the entrance.',
      'What becomes of the males when summer is over?',
      'What happens to drones in autumn?',
    ],
  ]),
  ...topic('tides', [
    [
      'The sea bulges on the side that faces the moon and on the far side too, where its pull is weaker than the force that swings the planet around the common centre. As the globe turns, most coasts pass both swellings and see high water twice a day.',
      'Why does the ocean rise two times in twenty-four hours although there is a single satellite?',
      'Why are there two high tides a day?',
    ],
    [
      'At new and full moon the sun adds its attraction to that of the moon, and the range between flood and ebb is greatest: spring tides. When the two stand at right angles, a week later, the range is least, and sailors speak of neaps.',
      'When is the difference between the highest and the lowest level smallest?',
      'What are neap tides?',
    ],
    [
      'In the Bay of Fundy the water sloshes back and forth with a period close to twelve and a half hours, the same rhythm as that of the lunar force. This resonance, like pushing a swing in time, heaps the level up by sixteen metres.',
      'What explains the extreme rise in that Canadian inlet?',
      'Why is the tidal range in the Bay of Fundy so large?',
    ],
    [
      'A barrage across the estuary of the Rance has made electricity since 1966. Its twenty-four turbines can be driven in both directions and can also pump, to lift the basin a little above the sea when current is cheap at night.',
      'Which plant earns power from moving seawater and at times uses it to raise the level?',
      'Where is there a tidal power plant with turbines that can also pump?',
    ],
    [
      'Friction of the moving oceans against the sea floor brakes the turning Earth. The day grows by about two milliseconds a century, and the lost momentum lifts the moon almost four centimetres farther away each year, as laser beams to mirrors left there confirm.',
      'How do we know that our companion in the sky is slowly escaping?',
      'Is the moon moving away from the Earth?',
    ],
  ]),
  ...topic('bread', [
    [
      'Sourdough holds wild yeasts and lactic bacteria in balance. The acid keeps moulds away for days, softens bran and frees minerals bound by phytate, which is why loaves of wholemeal rye are nearly always raised that way.',
      'Why does this kind of leaven keep a loaf from going off?',
      'Why does sourdough bread keep longer?',
    ],
    [
      'Kneading lines up two proteins, glutenin and gliadin, into elastic sheets that trap gas. A ripe dough passes the window test: stretched between the fingers it becomes so thin that light shines through before it tears.',
      'How can a baker tell by hand that the mixture was worked long enough?',
      'What is the window test for dough?',
    ],
    [
      'Steam in the first ten minutes keeps the skin of the loaf soft, so that it can expand, and turns its starch into a glaze. Without it the crust sets early, bursts at random and stays dull.',
      'What makes the outside shiny and lets the inside grow freely in the oven?',
      'Why do bakers put steam in the oven?',
    ],
    [
      'Bread does not go stale by drying alone. Starch that swelled in the heat crystallises again and pushes out water, fastest at four degrees, so the refrigerator is the worst place. Warming above sixty melts the crystals and revives the crumb for a while.',
      'Where should you not keep a loaf, and how can an old one be made soft again?',
      'Should bread be kept in the refrigerator?',
    ],
    [
      'For a biga the Italian baker mixes flour with half its weight of water and a pinch of yeast and leaves it overnight in a cool cellar. The stiff ferment gives a nutty taste and strengthens weak flours for a chewy ciabatta.',
      'Which advance step improves flavour when the grain is not of the strong kind?',
      'What is a biga?',
    ],
  ]),
  ...topic('railways', [
    [
      'A line is divided into blocks, and a signal lets a train enter only if the section ahead is empty. Weak current flows through both rails; the axles short it, the relay drops, and the lamp turns red, also when a wire breaks.',
      'How does the system notice that the track in front is occupied, and what if it fails?',
      'How do railway signals know that a block is occupied?',
    ],
    [
      'Points are locked by the interlocking before a route is cleared. No lever can then be moved that would lead another movement into the same path, a safeguard that was first made of notched iron bars and is now a program checked by mathematical proof.',
      'What prevents the operator from sending two vehicles onto crossing ways?',
      'What does the interlocking of points do?',
    ],
    [
      'In Japan drivers point at each signal with an outstretched arm and call its aspect aloud. Trials showed that the gesture and the voice cut mistakes at simple tasks by more than four fifths, because eye, hand and mouth must agree.',
      'Which habit makes staff err far less often?',
      'Why do Japanese train drivers point and call?',
    ],
    [
      'Long welded rails would buckle in summer, so they are stretched by hydraulic jacks or heated before being clipped down, as if it were twenty-three degrees. In frost they are under tension, in heat under pressure, yet they stay where they are.',
      'Why do modern tracks without gaps not bend on hot days?',
      'How are long welded rails kept from buckling in the heat?',
    ],
    [
      'A freight train of two kilometres is braked by a pipe of compressed air. Losing pressure applies the brakes, so a burst hose or a broken coupling stops both halves. The drop travels at less than the speed of sound, and the tail reacts seconds late.',
      'What happens if the wagons come apart while moving?',
      'How do the air brakes of a freight train work?',
    ],
  ]),
  ...topic('sleep', [
    [
      'During deep sleep the gaps between brain cells widen, and fluid washes through along the arteries, carrying off proteins such as beta-amyloid. In mice the flow is ten times stronger at rest than awake.',
      'How are waste products removed from the head at night?',
      'Does sleep clean the brain?',
    ],
    [
      'Caffeine resembles adenosine, which builds up while we are awake and makes us drowsy. It sits in the receptors without opening them. Half of the dose is still in the blood five or six hours later, so an afternoon cup lightens the night.',
      'Why can a drink at four make it hard to doze off at ten?',
      'How long before bed should I stop drinking caffeine?',
    ],
    [
      'Newborns spend half of their sixteen hours asleep in the phase of rapid eye movement, adults a fifth of eight. In this state the muscles are paralysed, so that dreams are not acted out; in some old men the barrier fails and they hit their wives.',
      'What stops people from performing the movements they imagine at night, and who loses that protection?',
      'Why are muscles paralysed during dreams?',
    ],
    [
      'A cell in the retina that serves no vision contains melanopsin and reports blue light to a clock behind the eyes. Screens in the evening therefore delay the hormone melatonin by an hour or more, while morning sun advances it.',
      'How does staring at a phone late in the day shift our inner timing?',
      'Does blue light from screens affect sleep?',
    ],
    [
      'Rats that learned a maze replay the path in their hippocampus, twenty times faster, as soon as they nod off. If the ripples are interrupted by a mild pulse, they remember the way badly the next day.',
      'What evidence shows that resting helps animals to keep what they have practised?',
      'Do rats dream of mazes?',
    ],
  ]),
  ...topic('glaciers', [
    [
      'Snow that survives summer is pressed into firn and, below some sixty metres, into blue ice whose bubbles have been sealed off. The air in them is younger than the ice around it, because it could mix with the sky until the pores closed.',
      'Why is the trapped gas not as old as the frozen water that holds it?',
      'How old is the air in ice bubbles?',
    ],
    [
      'Meltwater plunges through shafts called moulins to the bed and lifts the ice on a cushion of pressure. In early summer, before channels have opened, Greenland outlets race to twice their winter speed; later the drains are wide and they slow again.',
      'When does the flow quicken most and why does it calm down afterwards?',
      'Why do Greenland glaciers speed up in early summer?',
    ],
    [
      'A lake dammed by ice can float its barrier and drain under it within a day. Icelanders call it jokulhlaup. In 1996 one from Grimsvotn tore away bridges and strewed blocks the size of houses over the plain of sand.',
      'What sort of flood destroys roads when a frozen wall gives way?',
      'What is a glacial lake outburst like in Iceland?',
    ],
    [
      'Rock flour, ground by stones at the base of the ice, stays suspended for weeks and scatters green and blue light. That is why the lakes of the Canadian Rockies look like milk dyed with turquoise from June to September.',
      'What gives certain mountain waters their unreal colour?',
      'Why are the lakes in the Rockies turquoise?',
    ],
    [
      'The mass balance is found by driving poles of bamboo or wire into the surface. In autumn one reads how much of the stake has melted out; in spring pits are dug and the density of the new layer is weighed. The difference tells growth or loss.',
      'By what field work do researchers learn whether such a body gains or shrinks over a year?',
      'How is the mass balance of a glacier measured?',
    ],
  ]),
  ...topic('libraries', [
    [
      'Dewey gave each subject a decimal number, so that a new field can be inserted between two old ones without moving the shelves. Religion got a hundred numbers, ninety of which he spent on Christianity, and later editors have been mending that ever since.',
      'Which flaw of the numbering scheme shows the beliefs of its inventor?',
      'What is wrong with the Dewey decimal system?',
    ],
    [
      'Paper made of wood pulp after 1850 contains alum and turns brown and brittle within decades. In mass deacidification whole books are bathed in a solution of magnesium, which leaves an alkaline reserve; strength that was lost does not return.',
      'What can be done about old volumes that crumble, and what is beyond repair?',
      'How can brittle acid paper be saved?',
    ],
    [
      'Interlibrary loan lets a reader in a village order a monograph from the capital. The lending house keeps the right to confine it to the reading room, and the borrowing house answers for damage in the post.',
      'Who pays if a volume fetched from elsewhere is harmed on its way?',
      'Who is liable for damage in an interlibrary loan?',
    ],
    [
      'Chained books were shelved with their spines to the wall, since the chain was fastened to the fore edge. The order was written on a board at the end of the press. Hereford still shows two hundred and twenty-nine of them.',
      'Why did valuable works once stand the wrong way round?',
      'Why were chained books shelved backwards?',
    ],
    [
      'A librarian who weeds the stock looks at the last date of loan, the state of the binding and whether a newer edition exists. A rule of thumb says that an open collection should turn over five per cent a year, or readers take it for dead.',
      'How is it decided which titles to discard?',
      'How do librarians decide what to weed?',
    ],
  ]),
  ...topic('bicycles', [
    [
      'A chain that has stretched by three quarters of a per cent wears the sprockets into the shape of shark fins. Measured over twelve links with a gauge and replaced in time, it costs a tenth of a new cassette.',
      'How can one save money on the parts that drive the rear wheel?',
      'When should I replace a bicycle chain?',
    ],
    [
      'A wheel is trued by tightening spokes on the side away from the wobble and loosening those on the other, a quarter turn at a time. Stroking pairs together settles them; a plucked spoke should sound the same note as its neighbours.',
      'What do you do with a rim that runs from side to side?',
      'How do I true a wheel with spokes?',
    ],
    [
      'Hydraulic disc brakes feel spongy when air is in the line, since gas compresses and oil does not. The caliper is bled from below with a syringe until no bubble rises in the cup on the lever.',
      'My lever goes almost to the handlebar without much effect. What is the cure?',
      'Why are my disc brakes spongy?',
    ],
    [
      'With tubeless tyres a sealant of latex and crushed walnut shell swirls inside and plugs holes of up to six millimetres. It dries after half a year, faster in heat, and must be topped up through the valve.',
      'Which liquid closes punctures by itself, and how long does it serve?',
      'How long does tubeless sealant last?',
    ],
    [
      'The saddle is too low if the knee is still clearly bent at the bottom of the stroke with the ball of the foot on the pedal. A quick check: the heel should just reach it with a straight leg. Pain at the front of the knee often vanishes after raising it.',
      'Riders who hurt below the kneecap should change which setting?',
      'How high should my bicycle saddle be?',
    ],
  ]),
  ...topic('volcanoes', [
    [
      'Magma rich in silica is stiff as asphalt and holds its gas until it shatters into ash; basalt is runny and lets bubbles escape, so lava streams down gentle shields. That is the difference between Pinatubo and Mauna Loa.',
      'Why do some mountains blow up while others only pour out glowing rivers?',
      'Why is basalt lava less explosive?',
    ],
    [
      'A pyroclastic flow is a cloud of gas and hot rock that hugs the slope at motorway speed. It ran over the harbour of Saint-Pierre in 1902 and killed nearly thirty thousand people in two minutes; a prisoner survived behind thick walls.',
      'What kind of event wiped out a Caribbean town almost at once?',
      'What is a pyroclastic flow?',
    ],
    [
      'Before an eruption the ground swells, and tilt meters sense an inclination of a pencil laid under one end of a bar a kilometre long. Swarms of small quakes migrate upward, and the ratio of carbon to sulphur in the fumes falls or leaps.',
      'Which signs warn that an outbreak is near?',
      'How can a volcanic eruption be predicted?',
    ],
    [
      'Sulphur dioxide thrown into the stratosphere forms droplets that reflect sunlight. After Tambora in 1815 came a year without a summer: snow fell in New England in June, and oats became so dear that a German began to build a running machine instead of keeping horses.',
      'Which disaster far away led to the first two-wheeled vehicle?',
      'What did the eruption of Tambora cause?',
    ],
    [
      'Lake Nyos had dissolved carbon dioxide from below for centuries. One evening in 1986 it overturned, and the heavy gas rolled down the valleys and suffocated seventeen hundred villagers in their sleep. Pipes now let the deep water fizz out slowly.',
      'How are people near a dangerous body of water in Cameroon protected today?',
      'What happened at Lake Nyos?',
    ],
  ]),
  ...topic('tenancy', [
    [
      'The tenant may withhold part of the rent while the heating fails, in proportion to the discomfort, once the landlord has been told in writing. A cold flat in January can justify a reduction of half or more; a tepid one in May hardly any.',
      'May I pay less if my radiators do not work?',
      'Can I reduce the rent when the heating is broken?',
    ],
    [
      "The deposit is at most three months of basic rent and must be kept apart from the owner's fortune, at interest. After moving out it is due back when the claims are settled, usually within six months, and ordinary wear may not be charged.",
      'When do I see my security money again, and may scuffed floors be deducted?',
      'When does the landlord have to return the deposit?',
    ],
    [
      'Whoever terminates a lease of unlimited duration gives notice by the third working day of a month for the end of the month after next. For the owner the period grows by three months after five and again after eight years of residence.',
      'How much time does someone who has lived there for a decade get before having to leave?',
      'What is the notice period for a lease?',
    ],
    [
      'Small repairs can be passed on by contract only for things that the occupant touches often, such as taps and window handles, and up to a sum for each case and for the year. Pipes in the wall are never among them.',
      'Must I pay for a leak behind the tiles?',
      'Does the tenant have to pay for small repairs?',
    ],
    [
      'A sublet of one room needs consent, which may be refused only for reasons that lie in the person of the newcomer or when the flat would be overcrowded. Whoever lets by the night to tourists is not covered by it and risks eviction.',
      'Am I allowed to offer my spare bedroom to holiday guests?',
      'Can I sublet a room in my flat?',
    ],
  ]),
  ...topic('coffee', [
    [
      'Beans crack audibly at about one hundred and ninety-six degrees when steam bursts the cells. Roasts dropped soon after the first crack keep their fruit acids; those that reach the second taste of smoke, and the origin can hardly be told.',
      'Up to which stage does one still notice where the crop was grown?',
      'What does the first crack mean in coffee roasting?',
    ],
    [
      'Espresso that tastes sour was drawn too quickly: the water carried off acids but had no time for sugars. Grind finer or raise the temperature. If it is bitter and dries the tongue, the shot ran too long and the grind should be coarser.',
      'My small strong cup has an unpleasant sharp tang. What should I alter?',
      'Why does my espresso taste sour?',
    ],
    [
      'In the washed process the skin and pulp are removed by machine and the slime is fermented off in tanks for a day or two. Naturals dry inside the whole cherry for weeks on raised beds, which costs no water but needs turning by hand against mould.',
      'Which method suits farms in dry regions, and what labour does it bring?',
      'What is the difference between washed and natural coffee?',
    ],
    [
      'Leaf rust spread to Ceylon in 1869 and destroyed its plantations within twenty years, whereupon the island turned to tea. The fungus likes warmth, so growers move uphill, and hybrids with robusta blood resist it for a time.',
      'Why do the British drink something else than what they first planted there?',
      'How did coffee rust change Ceylon?',
    ],
    [
      'Decaffeination with supercritical carbon dioxide takes place at three hundred bar. The fluid creeps into moist green beans like a gas, dissolves like a liquid and leaves most of the aroma; the stimulant is washed out of it and sold to makers of soft drinks.',
      'What happens to the stuff that is taken out to make the harmless version?',
      'How is coffee decaffeinated?',
    ],
  ]),
  ...topic('databases', [
    [
      'With write-ahead logging a change is appended to a journal and flushed before the page itself is touched. After a crash the server replays the journal from the last checkpoint, so a committed transaction survives although its table was still only in memory.',
      'How does the program avoid losing confirmed data when the power goes?',
      'What is write-ahead logging good for?',
    ],
    [
      'Under multiversion concurrency an update writes a new copy of the row and leaves the old one for readers who began earlier. Nobody waits for anybody, but dead copies pile up until vacuum removes them, and a forgotten open transaction keeps it from doing so.',
      'Why does storage grow without end when a session is left idle for days?',
      'Why do I need to vacuum old row versions?',
    ],
    [
      'A composite index on surname and birthday serves a search by surname, or by both, but not by birthday alone, just as a telephone book does not help to find all people called Anna.',
      'Why is my lookup slow although the column is part of a key of two?',
      'In which order do columns of a composite index matter?',
    ],
    [
      'Deadlock arises when each of two transactions holds what the other wants. The engine waits a second, draws the graph of who blocks whom, and cancels one of them. Locking rows always in the same order avoids it.',
      'What can a developer do so that jobs never get stuck on each other?',
      'How can deadlocks be avoided?',
    ],
    [
      "A replica that applies the stream of changes later than the primary may show a shopper an empty basket just after she has filled it. Reading one's own writes is ensured by sending such a user to the primary for some seconds, or by waiting for a position in the stream.",
      'A customer does not see what she saved a moment ago. What remedies are there?',
      'How can I read my own writes from a replica?',
    ],
  ]),
]
