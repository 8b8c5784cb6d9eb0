import { TOOLS_RUN_PATH, toolsMount } from '../../tools.js';
import { ROOT } from '../../user.js';
import { type BoxLimits, containerName, type Runnable } from '../engine.js';
import { CAPABILITIES, SHM_BYTES, STOP_GRACE_SECONDS, ULIMITS } from '../hardening.js';
import { fenceCommand, GENERATION_PATH } from './fence.js';

/** What a box is sure to have on its node, whatever the others do there. */
export type Reservations = { memoryBytes: number; cpus: number };

/** Label of a service and of its containers: the box's generation that they are of. */
export const GENERATION_LABEL = 'dockbox.generation';

/** How long the swarm waits before it starts a container that has ended by itself again, in ns. */
const RESTART_DELAY_NS = 1e9;

/** Pins a service to a node. */
const PIN = 'node.id==';

/** The parts of a box's service that change; the rest is handed back as it is. */
export type BoxService = {
  Name: string;
  Labels: Record<string, string>;
  Mode: { Replicated: { Replicas: number } };
  TaskTemplate: { Placement: { Constraints: string[] } };
};

type Options = {
  box: Omit<Runnable, 'image'>;
  /** The image by a name that every node understands. */
  image: string;
  labels: Record<string, string>;
  limits: BoxLimits;
  reservations: Reservations;
  /** Absolute paths on every node. */
  workspace: string;
  generationDirectory: string;
  generation: number;
  /** The volume with the tools, if there are any. */
  tools: string | undefined;
  network: string | undefined;
  constraints: readonly string[];
};

/**
 * The service of a box that is to run, as Docker Engine API 1.41 has it ("ServiceCreate"). What a service has no word for
 * (no new privileges, the runtime, the default seccomp profile) is for the nodes' own engines to see to.
 */
export function serviceOf(options: Options): BoxService {
  const { box, limits, reservations, generation, tools, network, constraints } = options;
  const labels = { ...options.labels, [GENERATION_LABEL]: String(generation) };
  const spec = {
    Name: containerName(box.id),
    Labels: labels,
    Mode: { Replicated: { Replicas: 1 } },
    // There is nobody to balance: one container, to which nobody speaks over the network.
    EndpointSpec: { Mode: 'dnsrr' },
    TaskTemplate: {
      ContainerSpec: {
        Image: options.image,
        Labels: labels,
        Hostname: box.name,
        // The workspace's files are this user's, whoever the image's is.
        User: limits.user,
        Dir: '/workspace',
        Command: fenceCommand(generation, tools !== undefined),
        Init: true,
        // An image's own would be asked of a program that is not there.
        HealthCheck: { Test: ['NONE'] },
        Mounts: mounts(options),
        CapabilityDrop: ['ALL'],
        CapabilityAdd: CAPABILITIES,
        Ulimits: ULIMITS,
        StopGracePeriod: STOP_GRACE_SECONDS * 1e9,
      },
      Resources: {
        Limits: { MemoryBytes: limits.memoryBytes, NanoCPUs: nano(limits.cpus), Pids: limits.pids },
        // More than it may have can't be kept for it.
        Reservations: {
          MemoryBytes: Math.min(reservations.memoryBytes, limits.memoryBytes),
          NanoCPUs: nano(Math.min(reservations.cpus, limits.cpus)),
        },
      },
      RestartPolicy: { Condition: 'any', Delay: RESTART_DELAY_NS },
      Placement: { Constraints: [...constraints] },
      LogDriver: { Name: 'none' },
      ...(network && { Networks: [{ Target: network }] }),
    },
  };
  return spec;
}

const nano = (cpus: number) => Math.round(cpus * 1e9);

function mounts({ limits, workspace, generationDirectory, tools }: Options) {
  const bind = (Source: string, Target: string, ReadOnly: boolean) => ({
    Type: 'bind',
    Source,
    Target,
    ReadOnly,
  });
  const memory = (Target: string, SizeBytes: number, Mode: number) => ({
    Type: 'tmpfs',
    Target,
    TmpfsOptions: { SizeBytes, Mode },
  });
  return [
    bind(workspace, '/workspace', false),
    bind(generationDirectory, GENERATION_PATH, true),
    ...(tools ? [toolsMount(tools)] : []),
    // A service's can't be given to a user. There is nobody else in the box but root, who has no use for it.
    memory(TOOLS_RUN_PATH, 1024 ** 2, limits.user === ROOT ? 0o700 : 0o1777),
    // In memory, and counted as such.
    memory('/dev/shm', SHM_BYTES, 0o1777),
  ];
}

/** Whether a box is to run. */
export const isToRun = ({ Mode }: BoxService): boolean => Mode.Replicated.Replicas > 0;

/** The same service, not to run. It stays pinned to the node where it ran last: that is who is asked about its end. */
export const stopped = (spec: BoxService): BoxService => ({ ...spec, Mode: { Replicated: { Replicas: 0 } } });

export const generationOf = ({ Labels }: BoxService): number => Number(Labels[GENERATION_LABEL]);

/** The id of the node that a box is pinned to; undefined when it may run on any. */
export function pinOf({ TaskTemplate }: BoxService): string | undefined {
  const constraint = TaskTemplate.Placement.Constraints.find((constraint) => constraint.startsWith(PIN));
  return constraint?.slice(PIN.length);
}

/** The same service, to run on one node alone: the swarm never moves it by itself then. */
export function pinned(spec: BoxService, nodeId: string): BoxService {
  const { Placement } = spec.TaskTemplate;
  const constraints = [...Placement.Constraints, PIN + nodeId];
  return {
    ...spec,
    TaskTemplate: { ...spec.TaskTemplate, Placement: { ...Placement, Constraints: constraints } },
  };
}
